# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# report.sh - Figures of a benchmark for people: tables and plots
#
# Benchmarks source this file. Where REPORT is set, to a folder, what they print goes
# there, too, and plots are made of it, if there is gnuplot.

# report PAGE <TABLES: print them, and keep them in REPORT/PAGE.md.
report() {
	if [ -z "${REPORT:-}" ]; then
		cat
		return
	fi
	mkdir -p "$REPORT" || exit 1
	tee "$REPORT/$1.md"
}

# bars PAGE NAME TITLE LABEL SERIES... <LINES: bars in REPORT/NAME.svg, shown on the page.
# A line has the name of a case, in quotation marks if it has spaces, and a value for
# each series; "-" is none. The axis is logarithmic: ratios are distances.
bars() {
	page=$1 name=$2 title=$3 label=$4
	shift 4
	if [ -z "${REPORT:-}" ] || ! command -v gnuplot >/dev/null; then
		cat >/dev/null
		return
	fi
	cat >"$name.dat"
	column=2 plots=
	for series; do
		plots="$plots${plots:+, }'$name.dat' using $column"
		[ $column -gt 2 ] || plots="$plots:xtic(1)"
		plots="$plots title '$series'"
		column=$((column + 1))
	done
	gnuplot <<-END || exit 1
	set terminal svg size 720,400
	set output "$REPORT/$name.svg"
	set title "$title"
	set ylabel "$label"
	set style data histograms
	set style fill solid
	set datafile missing "-"
	set logscale y
	set key outside bottom center horizontal
	plot $plots
	END
	printf '\n![%s](%s.svg)\n' "$title" "$name" >>"$REPORT/$page.md"
}
