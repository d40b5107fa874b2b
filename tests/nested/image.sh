# SPDX-License-Identifier: BSD-2-Clause
# image.sh - functions with which mkguest and mkhost fill an initramfs; sourced
#            by them.  It knows nothing of what is in an image.
#
# An image is a folder, $root, packed as an uncompressed "newc" cpio archive:
# whoever boots it is emulated, and copying bytes is cheaper there than
# decompressing them.  Archives may be appended to one another, so an image can
# be extended without being unpacked.
# shellcheck shell=sh

# The kernel package as ./run unpacks it: the newest one in the cache.
kernel_cache=${LANBOX_CACHE:-/var/cache/lanbox}
kernel_version=$(ls "$kernel_cache/x/lib/modules" 2>/dev/null | sort -V | tail -n 1)
kernel_modules=$kernel_cache/x/lib/modules/$kernel_version/kernel
kernel_image=$kernel_cache/x/boot/vmlinuz-$kernel_version

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# image_begin - make an empty $root with the folders every image has
image_begin()
{
	[ -n "$kernel_version" ] && [ -r "$kernel_image" ] ||
		die "no kernel in $kernel_cache/x (./run unpacks one there)"

	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	trap 'exit 1' INT TERM HUP

	for dir in bin sbin lib lib64; do
		mkdir -p "$root/usr/$dir"
		ln -s "usr/$dir" "$root/$dir"
	done
	for dir in dev etc proc run sys tmp var; do
		mkdir "$root/$dir"
	done
	ln -s ../run "$root/var/run"
	module_list=' '
}

# image_end FILE - pack $root into FILE
image_end()
{
	if [ -d "$root/lib/modules" ]; then
		busybox depmod -b "$root" "$kernel_version"
	fi
	(cd "$root" && find . | LC_ALL=C sort |
		cpio --quiet -o -H newc -R 0:0) >"$1"
}

# add_file SOURCE DESTINATION [MODE]
add_file()
{
	mkdir -p "$root/$(dirname "$2")"
	install -m "${3:-644}" "$1" "$root/$2"
}

# add_busybox - Debian's static busybox under the name of each of its applets,
# except for names that a program added later or before takes for itself
add_busybox()
{
	bb=$(command -v busybox) || die "no busybox (package busybox-static)"
	add_file "$bb" bin/busybox 755
	"$bb" --list | while read -r applet; do
		[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
	done
}

# add_libraries FILE... - the shared libraries that these executables need
add_libraries()
{
	for lib in $(ldd "$@" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' |
		     grep -v ':$' | sort -u); do
		[ -e "$root/$lib" ] || add_file "$lib" "$lib" 755
	done
}

# add_program PATH... - executables, into /bin, with their libraries
add_program()
{
	for prog; do
		rm -f "$root/bin/${prog##*/}"
		add_file "$prog" "bin/${prog##*/}" 755
	done
	add_libraries "$@"
}

# add_debian_program NAME... - programs of this machine, by their names
add_debian_program()
{
	for name; do
		path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$name") ||
			die "no program $name on this machine (./run installs it)"
		add_program "$path"
	done
}

# add_modules NAME... - kernel modules (as their files are named) and all that
# they depend on
add_modules()
{
	for module; do
		case $module_list in
		*" $module "*)
			continue
			;;
		esac
		module_list="$module_list$module "

		file=$(find "$kernel_modules" -name "$module.ko" -o \
			-name "$(echo "$module" | tr _ -).ko")
		# A dependency that is built in has no file.
		[ -n "$file" ] || continue
		add_file "$file" "lib/modules/$kernel_version/${file#"$kernel_modules"/}"

		# shellcheck disable=SC2046 # a comma separated list of plain names
		add_modules $(tr '\0' '\n' <"$file" |
			sed -n 's/^depends=//p' | tr ',' ' ')
	done
}
