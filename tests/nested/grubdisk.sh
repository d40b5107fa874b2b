# SPDX-License-Identifier: BSD-2-Clause
# grubdisk.sh - functions that make a disk which GRUB boots, by hand: a partition table,
#               GRUB before the first partition, ext4 in it; sourced by mkimage, mkhost
#               and cases. They need neither root nor loop devices nor mounts.
# shellcheck shell=sh

GRUB_START=2048			# first sector of the partition; before it is GRUB

# grub_images DIR - GRUB's two parts, boot.img and core.img, into DIR; it shall read
# /boot/grub/grub.cfg of the first partition of the disk that it was loaded from
grub_images()
{
	grub-mkimage -O i386-pc -o "$1/core.img" -p '(hd0,msdos1)/boot/grub' \
		biosdisk part_msdos ext2 search search_fs_uuid serial terminal \
		configfile normal linux linux16 echo
	cp /usr/lib/grub/i386-pc/boot.img "$1/boot.img"
	[ "$(stat -c %s "$1/core.img")" -lt $(((GRUB_START - 1) * 512)) ]
}

# grub_disk IMAGES FILE MIB TREE [MKE2FS-ARGUMENT...] - make a disk of MIB MiB in FILE,
# with GRUB out of the folder IMAGES and what is in TREE. The first part of GRUB loads
# what begins in sector 1.
grub_disk()
{
	grub_from=$1 grub_to=$2 grub_size=$3 grub_tree=$4
	shift 4
	rm -f "$grub_to"
	truncate -s "${grub_size}M" "$grub_to" &&
		echo "$GRUB_START,,83,*" | sfdisk -q "$grub_to" &&
		dd if="$grub_from/boot.img" of="$grub_to" bs=440 count=1 conv=notrunc &&
		dd if="$grub_from/core.img" of="$grub_to" bs=512 seek=1 conv=notrunc &&
		mke2fs -q -t ext4 -d "$grub_tree" -E offset=$((GRUB_START * 512)) "$@" \
			"$grub_to" $((grub_size * 1024 - GRUB_START / 2))k
}
