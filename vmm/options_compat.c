/* SPDX-License-Identifier: BSD-2-Clause */
/* options_compat.c - QEMU's options that ask for what is so anyway, and those that ask
 * for what is not here
 *
 * Who brings his command line from QEMU should have it work, or read in one line what
 * of it cannot be had and what to use instead.
 */
#include "config.h"

#include "vmm/options_compat.h"

#include <stddef.h>
#include <string.h>

#include "lib/log.h"

#define NO_SCREEN	"there is no screen; use the serial console (-serial)"
#define NO_USB		"there is no USB"
#define NO_SOUND	"there is no sound"
#define NO_FLOPPY	"there are no floppy disks; -hda and -cdrom are there"
#define ONLY_KVM	"only kvm can be had"
#define NO_TABLES	"what firmware tells the guest cannot be changed"

/**
 * struct compat_option - Such an option
 * @arg:	It takes an argument
 * @fine:	Arguments, up to a comma, that are so anyway, with '|' between them;
 *		NULL: all
 * @why:	What to say of others
 */
struct compat_option {
	const char *name;
	bool arg;
	const char *fine;
	const char *why;
};

static const struct compat_option compat_options[] = {
	/* What is so. */
	{ "vnc", true, "none", NO_SCREEN },
	{ "display", true, "none", NO_SCREEN },
	{ "vga", true, "none", NO_SCREEN },
	{ "parallel", true, "none|null", "there is no parallel port" },
	{ "audiodev", true, "none", NO_SOUND },
	{ "rtc", true, "base=utc|clock=host|clock=rt|driftfix=none|driftfix=slew",
	  "the clock chip shows UTC, and the host's time" },
	{ "k", true, NULL, NULL },
	{ "global", true, NULL, NULL },
	{ "no-hpet", false, NULL, NULL },
	{ "no-fd-bootchk", false, NULL, NULL },
	{ "nodefconfig", false, NULL, NULL },

	/* What is not here. */
	{ "spice", true, "", NO_SCREEN },
	{ "curses", false, "", NO_SCREEN },
	{ "sdl", false, "", NO_SCREEN },
	{ "full-screen", false, "", NO_SCREEN },
	{ "usbdevice", true, "", NO_USB },
	{ "soundhw", true, "", NO_SOUND },
	{ "audio", true, "", NO_SOUND },
	{ "fda", true, "", NO_FLOPPY },
	{ "fdb", true, "", NO_FLOPPY },
	{ "no-kvm", false, "", ONLY_KVM },
	{ "no-acpi", false, "", "the guest finds its devices by ACPI" },
	{ "no-shutdown", false, "", "the VM ends when the guest powers off" },
	{ "smbios", true, "", NO_TABLES },
	{ "acpitable", true, "", NO_TABLES },
	{ "fw_cfg", true, "", NO_TABLES },
	{ "tpmdev", true, "", "there is no TPM" },
	{ "fsdev", true, "", "there are no shared folders; share them over the network" },
	{ "virtfs", true, "", "there are no shared folders; share them over the network" },
	{ "watchdog", true, "", "there is no watchdog" },
	{ "readconfig", true, "", "there are no configuration files" },
	{ "writeconfig", true, "", "there are no configuration files; -dump-config shows "
	  "what is set" },
	{ "qtest", true, "", "this is for QEMU's own tests" },
};

const struct compat_option *compat_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(compat_options); i++)
		if (!strcmp(name, compat_options[i].name))
			return &compat_options[i];
	return NULL;
}

bool compat_takes_arg(const struct compat_option *o)
{
	return o->arg;
}

/* Whether one of @words, with '|' between them, is @len bytes at @word. */
static bool is_one_of(const char *words, const char *word, size_t len)
{
	for (const char *p = words; *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == len && !memcmp(p, word, len))
			return true;
	return false;
}

bool compat_check(const struct compat_option *o, const char *arg)
{
	bool fine = true;
	size_t len;

	if (!o->fine)
		return true;
	/* All elements have to be so, but an id (-audiodev none,id=x). */
	for (const char *p = arg; fine; p += len + 1) {
		len = strcspn(p, ",");
		fine = is_one_of(o->fine, p, len) || (p != arg && !strncmp(p, "id=", 3));
		if (!p[len])
			break;
	}
	if (fine)
		return true;
	if (o->arg)
		log_err("-%s '%s': %s", o->name, arg, o->why);
	else
		log_err("-%s: %s", o->name, o->why);
	return false;
}
