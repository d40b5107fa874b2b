#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# man.sh - The manual pages: in good form, and telling of what the programs have,
#          no more and no less. What they say about it is for people to judge.
SWITCH=${top_builddir:?}/lanbox-switchd
. "${top_srcdir:?}/tests/integration/lib.sh"

requires mandoc
doc=$top_srcdir/doc
VMM=$top_builddir/lanbox-vmm
LANBOX=$top_builddir/lanbox
PLUG=$top_builddir/lanbox-plug
WIRE=$top_builddir/lanbox-wirefilter

# Form.

# mandoc says nothing about a page that it likes.
well_formed() {
	is 'words of mandoc' "$(mandoc -T lint -W warning "$1" 2>&1)" ''
}

# references PAGE: those to our own pages lead somewhere.
references() {
	sed -n 's/^\.Xr \(lanbox[^ ]*\) \([0-9]\).*/\1.\2/p' "$1" >refs
	[ -s refs ] || fail 'no reference to another of our pages'
	while read -r page; do
		[ -e "$doc/$page" ] || fail "$page is not there"
	done <refs
}

cd "$T" || exit 99
for page in "$doc"/*.[1-9]; do
	check "${page##*/} is well formed" well_formed "$page"
	check "${page##*/} refers to pages that are there" references "$page"
done

# Contents.

# items PAGE MACRO [SECTION]: what the items of PAGE's lists name with MACRO, a
# line each; of all sections, or of one (with a subsection's name, that alone).
items() {
	awk -v macro="$2" -v wanted="${3:-}" '
		/^\.S[hs] / { section = substr($0, 5); gsub("\"", "", section) }
		/^\.It / && (wanted == "" || section == wanted) {
			on = 0
			for (i = 2; i <= NF; i++)
				if ($i ~ /^[A-Z][a-z]$/)
					on = $i == macro
				else if (on && $i != "," && $i != "|")
					print $i
		}' "$doc/$1" | sort -u
}

# options PAGE [SECTION]: the options that the page describes.
options() {
	items "$1" Fl "${2:-}" | sed 's/^/-/'
}

# help_options COMMAND...: the options in a help text: what its lines begin with,
# up to the gap before the explanation.
help_options() {
	"$@" 2>&1 | sed -n 's/^  *\(-.*\)/\1/p' | sed 's/  .*//' |
		grep -o -E '(^|, )--?[A-Za-z][A-Za-z-]*' | sed 's/^, //' | sort -u
}

# table_options DASHES FILE: the options in a program's table, those that the help
# text leaves out included.
table_options() {
	sed -n "s/^\t{ \"\([A-Za-z-]*\)\", .*/$1\1/p" "$top_srcdir/$2" | sort -u
}

# page_has FILE: in the page is all that FILE has.
page_has() {
	[ -s in_page ] || fail 'no option found in the page'
	[ -s "$1" ] || fail 'no option found to look for'
	is 'missing in the page' "$(comm -13 in_page "$1")" ''
}

# The program has all that page or help text have. Each is asked for as the last
# word, where it harms nothing: one that wants an argument lacks it.
program_has() {
	[ -s in_page ] || fail 'no option found in the page'
	sort -u in_page in_help >both
	while read -r option; do
		"$@" "$option" </dev/null >out 2>&1 || :
		not refused
	done <both
	"$@" --bogus </dev/null >out 2>&1 || :
	refused
}

refused() {
	grep -i -E 'unrecognized option|invalid option|ambiguous|there is no' out
}

options lanbox-switchd.8 >in_page
help_options "$SWITCH" --help >in_help
table_options -- switchd/options.c >in_table
check 'lanbox-switchd.8 has all options of the help text' page_has in_help
check 'lanbox-switchd.8 has all options of the program' page_has in_table
check 'lanbox-switchd has all options of its page' program_has "$SWITCH" -s "$T/no/no"

options lanbox-vmm.1 >in_page
help_options "$VMM" -help >in_help
table_options - vmm/options.c >in_table
check 'lanbox-vmm.1 has all options of the help text' page_has in_help
check 'lanbox-vmm.1 has all options of the program' page_has in_table
check 'lanbox-vmm has all options of its page' program_has "$VMM"

options lanbox.1 'lanbox capture' >in_page
help_options "$LANBOX" capture -h >in_help
check 'lanbox.1 has all options of the help text of capture' page_has in_help
check 'lanbox capture has all options of its page' program_has "$LANBOX" capture

options lanbox.1 'lanbox switch' >in_page
help_options "$LANBOX" switch -h >in_help
check 'lanbox.1 has all options of the help text of switch' page_has in_help
check 'lanbox switch has all options of its page' program_has "$LANBOX" switch

# What a subcommand is called: the words before its arguments.
switch_subcommands() {
	"$LANBOX" switch -h | grep '^[a-z]' | sed 's/ [^ ]*[^a-z ].*//' | sort >in_help
	{
		sed -n '/^\.Ss lanbox switch/,/^\.Sh/s/^\.It Ic //p' "$doc/lanbox.1"
		sed -n '/^\.It Xo/{n;s/^\.Ic //p;}' "$doc/lanbox.1"
	} | sed 's/ \(Op\|Ar\) .*//' >in_page
	sort -o in_page in_page
	[ -s in_help ]
	is subcommands "$(cat in_page)" "$(cat in_help)"
}
check 'lanbox.1 has all subcommands of lanbox switch, and no other' switch_subcommands

options lanbox.1 'lanbox vm' >in_page
help_options "$LANBOX" vm -h >in_help
check 'lanbox.1 has all options of the help text of vm' page_has in_help
check 'lanbox vm has all options of its page' program_has "$LANBOX" vm

vm_subcommands() {
	"$LANBOX" vm -h | sed -n 's/^\([a-z]\{1,\}\)\( NAME\)*$/\1/p' | sort >in_help
	sed -n '/^\.Ss lanbox vm/,/^\.Sh/s/^\.It Cm \([a-z]*\).*/\1/p' "$doc/lanbox.1" |
		sort >in_page
	[ -s in_help ]
	is subcommands "$(cat in_page)" "$(cat in_help)"
}
check 'lanbox.1 has all subcommands of lanbox vm, and no other' vm_subcommands

options lanbox.1 DESCRIPTION >in_page
: >in_help
check 'lanbox has all options of its page' program_has "$LANBOX"

options lanbox-plug.1 >in_page
table_options -- plug/plug_options.c >in_table
check 'lanbox-plug.1 has all options of the program' page_has in_table
options lanbox-plug.1 DESCRIPTION >in_page
help_options "$PLUG" --help >in_help
check 'lanbox-plug.1 has all options of the help text' page_has in_help
check 'lanbox-plug has all options of its page' program_has "$PLUG" "$T/no/no"
options lanbox-plug.1 'As vde_plug2tap' >in_page
ln -s "$PLUG" vde_plug2tap
help_options ./vde_plug2tap --help >in_help
check 'lanbox-plug.1 has all options of vde_plug2tap' page_has in_help
check 'vde_plug2tap has all options of its page' program_has ./vde_plug2tap -s "$T/no/no" tap0

options lanbox-wirefilter.1 >in_page
help_options "$WIRE" --help >in_help
table_options -- plug/wire_options.c >in_table
check 'lanbox-wirefilter.1 has all options of the help text' page_has in_help
check 'lanbox-wirefilter.1 has all options of the program' page_has in_table
check 'lanbox-wirefilter has all options of its page' program_has "$WIRE"

wire_commands() {
	sed -n 's/^\t{ "\([a-z-]*\)", .*/\1/p' "$top_srcdir/plug/wire_cmds.c" |
		grep -v -x -e band -e capacity | sort -u >commands
	[ -s commands ]
	is commands "$(items lanbox-wirefilter.1 Ic CONSOLE)" "$(cat commands)"
}
check 'lanbox-wirefilter.1 has all commands of the console, and no other' wire_commands

wire_drops() {
	sed -n 's/^\tX([A-Z]*, "\([a-z]*\)").*/\1/p' "$top_srcdir/plug/wire.h" | sort >reasons
	[ -s reasons ]
	is reasons "$(items lanbox-wirefilter.1 Sy)" "$(cat reasons)"
}
check 'lanbox-wirefilter.1 has all reasons of drops, and no other' wire_drops

subcommands() {
	"$LANBOX" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' >in_help
	sed -n 's/^\.Ss lanbox //p' "$doc/lanbox.1" | sort >in_page
	is subcommands "$(cat in_page)" "$(sort in_help)"
	[ -s in_page ]
}
check 'lanbox.1 has all subcommands, and no other' subcommands

# The switch's commands and words.

switch_start sw

console_commands() {
	console sw help | sed -n '/^----/,/^\.$/p' |
		awk '/^[a-z]/ && $2 !~ /^=/ { print $1 }' | sort >commands
	[ -s commands ]
	is commands "$(items lanbox-switchd.8 Ic Console)" "$(cat commands)"
}
check 'lanbox-switchd.8 has all commands of the console, and no other' console_commands

plugin_commands() {
	for plugin in dump pdump iplog; do
		console sw "plugin/add $plugin" >/dev/null
		console sw "help $plugin/"
	done | awk '/^[a-z]+\// { print $1 }' | sort >commands
	[ -s commands ]
	is commands "$(items lanbox-switchd.8 Ic Plugins)" "$(cat commands)"
}
check 'lanbox-switchd.8 has all commands of the plugins, and no other' plugin_commands

drop_reasons() {
	sed -n 's/^\tX(\([A-Z_]*\),.*/\1/p' "$top_srcdir/switchd/stats.h" | sort >reasons
	[ -s reasons ]
	is reasons "$(items lanbox-switchd.8 Sy)" "$(cat reasons)"
}
check 'lanbox-switchd.8 has all reasons of drops, and no other' drop_reasons

control_commands() {
	printf '{"execute": "%s"}\n' qmp_capabilities query-commands |
		socat -t2 - "unix:$T/sw/control" >reply
	{
		printf '%s\n' qmp_capabilities query-commands
		grep -o '"name":"[^"]*"' reply | cut -d '"' -f 4
	} | sort >commands
	[ "$(wc -l <commands)" -gt 2 ]
	is commands "$(items lanbox-control.7 Ic)" "$(cat commands)"
}
text='lanbox-control.7 has all commands of the switch, and no other'
if command -v socat >/dev/null; then
	check "$text" control_commands
else
	skip "$text" 'no socat here'
fi

# EVENTS_LOST is of the connection, not of the switch.
control_events() {
	sed -n 's/^\tX(\([A-Z_]*\),.*/\1/p' "$top_srcdir/switchd/events.h" >kinds
	[ -s kinds ]
	is events "$(items lanbox-control.7 Dv Events)" \
		"$({ cat kinds; echo EVENTS_LOST; } | sort)"
}
check 'lanbox-control.7 has all events, and no other' control_events
done_testing
