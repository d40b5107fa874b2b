#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh - fuzz the targets of this folder with libFuzzer, for some time
#
# This looks for new inputs; the known ones in corpus/ are replayed by make check,
# without any of this (see replay.c). It needs clang and its compiler-rt, and for
# -c llvm (Debian: clang libclang-rt-14-dev llvm).
#
# The product's files are compiled here once more, straight from their folders:
# they carry the instrumentation. Nothing is written into the source folder, but
# for -m.
set -u

src=$(cd "$(dirname "$0")/../.." && pwd)
all='front gdb guard igmp offload vhost vring'
# Those that need most of the VMM.
vmm='blk boot control machine options state virtio'
all="$all $vmm"

usage()
{
	cat <<END
usage: fuzz.sh [-cm] [-b BUILD] [-o FOLDER] [-s SECONDS] [TARGET...]

  -b  configured build folder, for its config.h (\$top_builddir, or build)
  -c  show which lines the corpus covers
  -m  keep the smallest set of inputs that covers as much, in corpus/
  -o  programs, new inputs and crashes go here (/tmp/lanbox-fuzz)
  -s  fuzz each target for so long (60); 0 does not fuzz

Targets: $all
END
	exit "$1"
}

die()
{
	echo "fuzz.sh: $*" >&2
	exit 1
}

build=${top_builddir:-$src/build}
out=${TMPDIR:-/tmp}/lanbox-fuzz
seconds=60
cover=
minimise=
while getopts b:cho:ms: opt; do
	case $opt in
	b) build=$OPTARG ;;
	c) cover=yes ;;
	h) usage 0 ;;
	m) minimise=yes ;;
	o) out=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) usage 2 >&2 ;;
	esac
done
shift $((OPTIND - 1))
[ -f "$build/config.h" ] || die "no config.h in $build: configure there, or say -b"
[ $# -gt 0 ] || eval "set -- $all"

: "${CLANG:=clang}"
sanitizers=address,undefined
flags="-std=c11 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing
	-Wno-gnu-variable-sized-type-not-at-end -I$src -I$build
	-fsanitize=fuzzer-no-link,$sanitizers -fno-sanitize-recover=all"
ring_files='lib/guestmem.c lib/iov.c lib/vnet.c lib/vring.c'

# sources TARGET - what is fuzzed; of the VMM, what its coverage is told of
sources()
{
	case $1 in
	front) echo 'lib/fd.c lib/vhost_front.c' ;;
	gdb) echo 'vmm/gdb_packet.c vmm/gdb_regs.c vmm/gdb_stub.c' ;;
	igmp) echo switchd/igmp.c ;;
	guard) echo 'lib/iov.c switchd/binding.c switchd/claim.c switchd/dhcp.c switchd/fcfs.c
		lib/csum.c switchd/guard.c
		switchd/igmp.c switchd/stats.c' ;;
	offload) echo 'lib/csum.c lib/offload.c' ;;
	vring) echo "$ring_files" ;;
	vhost) echo "$ring_files lib/fd.c lib/memguard.c switchd/vhost_dev.c" ;;
	blk) echo 'vmm/disk.c vmm/disk_file.c vmm/overlay.c vmm/virtio_blk.c' ;;
	boot) echo 'vmm/acpi.c vmm/boot.c vmm/elf.c' ;;
	control) echo 'lib/qmp.c lib/qmp_args.c vmm/blockinfo.c vmm/control.c vmm/monitor.c' ;;
	machine) echo 'vmm/bus.c vmm/cmos.c vmm/fwcfg.c vmm/pci.c vmm/power.c vmm/serial.c
		vmm/virtio_pci.c' ;;
	options) echo 'lib/parse.c vmm/options.c vmm/options_chardev.c vmm/options_compat.c
		vmm/options_drive.c vmm/options_dump.c vmm/options_memory.c
		vmm/options_nic.c vmm/topology.c' ;;
	state) echo 'vmm/kvm_state.c vmm/save.c vmm/state.c' ;;
	virtio) echo 'lib/vring.c vmm/net_filter.c vmm/virtio_balloon.c vmm/virtio_blk.c
		vmm/virtio_net.c vmm/virtio_pci.c vmm/virtio_rng.c vmm/virtio_vsock.c
		vmm/vsock.c' ;;
	*) die "no target '$1'; there are: $all" ;;
	esac
}

# is_vmm TARGET
is_vmm()
{
	case " $vmm " in
	*" $1 "*) return 0 ;;
	*) return 1 ;;
	esac
}

# archive NAME FLAG... - all of the VMM and of what is around it (tests/harness), for all
# targets that need it
archive()
{
	dir=$out/$1.o
	archive=$out/$1.a
	shift
	[ ! -f "$archive" ] || [ -n "$(find "$src/vmm" "$src/lib" "$src/tests/harness" \
		"$src/tests/fuzz/fuzz.sh" -newer "$archive" -name '*.[ch]')" ] || return 0
	rm -rf "$dir" "$archive"
	mkdir -p "$dir" || exit 1
	for file in "$src"/vmm/*.c "$src"/lib/*.c "$src"/tests/harness/*.c; do
		object=$dir/$(echo "${file#"$src"/}" | tr / - | sed 's/c$/o/')
		case $file in
		*/vmm/main.c | */vmm/irq.c | */vmm/aio.c | */vmm/net_tap.c | \
			*/vmm/ram_file.c | */lib/log.c) continue ;;
		esac
		# shellcheck disable=SC2086 # lists of words
		nice -n 19 $CLANG $flags "$@" -c "$file" -o "$object" || exit 1
	done
	ar rcs "$archive" "$dir"/*.o
}

# compile TARGET NAME FLAG... - link the program NAME
compile()
{
	if is_vmm "$1"; then
		target=$1
		name=$2
		shift 2
		archive "${name%"$target"}vmm" "$@"
		# shellcheck disable=SC2086
		$CLANG $flags "$@" -fsanitize=fuzzer "$src/tests/fuzz/fuzz-$target.c" \
			"$archive" -lev -ljansson -luring -lseccomp -lcap-ng -lvdeplug -lpthread \
			-o "$out/$name" || exit 1
		return
	fi
	target=$1
	dir=$out/$2.o
	name=$2
	shift 2
	mkdir -p "$dir" || exit 1
	files=$(sources "$target") || exit 1
	hooks=
	loads=
	# Loads from the guest's memory are reported, for memory that shifts.
	if [ "$target" = vring ]; then
		loads=-fsanitize-coverage=trace-loads
		hooks='-DFUZZ_HOOKS -Wl,--wrap=__asan_memcpy'
	fi
	[ "$target" != front ] || hooks=-Wl,--wrap=fd_send
	objects=
	# shellcheck disable=SC2086 # lists of words
	for file in $files; do
		object=$dir/$(basename "$file" .c).o
		$CLANG $flags $loads "$@" -c "$src/$file" -o "$object" || exit 1
		objects="$objects $object"
	done
	# shellcheck disable=SC2086
	$CLANG $flags $hooks "$@" -fsanitize=fuzzer "$src/tests/fuzz/fuzz-$target.c" \
		$objects -o "$out/$name" || exit 1
}

# cover TARGET - lines of the product that its inputs reach
cover()
{
	rm -f "$out"/"$1".profraw
	compile "$1" "cover-$1" -fprofile-instr-generate -fcoverage-mapping
	LLVM_PROFILE_FILE=$out/$1.profraw "$out/cover-$1" -runs=0 "$new/$1" "$corpus/$1" \
		2>/dev/null || die "the corpus of $1 fails: $out/cover-$1 -runs=0 $corpus/$1"
	llvm-profdata merge -o "$out/$1.profdata" "$out/$1.profraw" || exit 1
	files=$(sources "$1" | tr -s '\t\n' '  ' | sed "s,[^ ][^ ]*,$src/&,g")
	# shellcheck disable=SC2086
	llvm-cov report "$out/cover-$1" -instr-profile="$out/$1.profdata" $files |
		awk 'NR == 1 { print "file lines missed covered" }
		     $1 ~ /\.[ch]$/ { print $1, $8, $9, $10 }' | column -t
	# shellcheck disable=SC2086
	llvm-cov show "$out/cover-$1" -instr-profile="$out/$1.profdata" $files \
		>"$out/cover-$1.txt"
	echo "line by line: $out/cover-$1.txt"
}

# minimise TARGET - inputs named found-* stay, each for the defect that it found, and so do
# those that were made by hand
minimise()
{
	rm -rf "$out/min-$1"
	mkdir -p "$out/min-$1"
	"$out/fuzz-$1" -set_cover_merge=1 -use_counters=0 "$out/min-$1" "$corpus/$1" \
		"$new/$1" 2>"$out/$1-merge.log" || die "see $out/$1-merge.log"
	find "$corpus/$1" -type f ! -name 'found-*' ! -name 'made-*' -exec rm -f {} +
	cp "$out/min-$1"/* "$corpus/$1/"
	echo "corpus/$1: $(find "$corpus/$1" -type f | wc -l) inputs"
}

corpus=$src/tests/fuzz/corpus
new=$out/new
failed=
for target; do
	mkdir -p "$new/$target" "$corpus/$target" || exit 1
	compile "$target" "fuzz-$target"
	if [ "$seconds" -gt 0 ]; then
		echo "fuzzing $target for $seconds seconds: $out/$target.log"
		# The timeout is one of the wall clock, and we are nice. What command lines
		# leave in memory stays there.
		[ "$target" = options ] && limit=4096 || limit=1024
		dict=$src/tests/fuzz/dict/$target
		[ -e "$dict" ] && dict=-dict=$dict || dict=
		nice -n 19 "$out/fuzz-$target" -max_total_time="$seconds" -timeout=300 \
			-rss_limit_mb=$limit -max_len=2048 -print_final_stats=1 \
			${dict:+"$dict"} -artifact_prefix="$out/$target-" "$new/$target" \
			"$corpus/$target" >"$out/$target.log" 2>&1 || failed="$failed $target"
		grep -E 'is false|ERROR|runtime error|Test unit written|executed_units' \
			"$out/$target.log"
	fi
	case $failed in
	*$target*) continue ;;
	esac
	[ -z "$minimise" ] || minimise "$target"
	[ -z "$cover" ] || cover "$target"
done
[ -z "$failed" ] || die "defects found by:$failed"
