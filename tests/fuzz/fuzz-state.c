/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-state.c - Saved machines that somebody has changed
 *
 * A machine with one device of each kind (tests/harness/rig.h), all at work, is saved once
 * by the product itself. The input is changes to that file: bytes of a section, of the
 * head, of the pages; sections that are gone, doubled or of another size; a file cut off.
 * The sums are made right, unless the input says otherwise. What comes out is restored
 * into a new machine, and that runs on.
 *
 * KVM is played in here: kvm_state.c is compiled once more, with an ioctl() that reads all
 * that the kernel would read, and says yes.
 *
 * What must be true:
 *
 * - The file as it was saved is restored.
 * - What is refused is refused with one error that names the file.
 * - What is restored is a machine in which rings are in order, and whose devices work after
 *   a reset; nothing was read or written that is no memory of the guest's.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32c.h"
#include "tests/harness/rig.h"
#include "vmm/pause.h"
#include "vmm/save.h"
#include "vmm/state.h"
#include "vmm/vcpu.h"

static int kvm_ioctl(int fd, unsigned long request, ...);
#define ioctl kvm_ioctl
#include "vmm/kvm_state.c"
#undef ioctl

enum { QUEUE = 16, CHANGES = 32, SUMS_WRONG = 1, CUT = 2 };

/* KVM. */

static unsigned int kvm_read;

static int kvm_ioctl(int fd UNUSED, unsigned long request, ...)
{
	static const uint32_t indices[] = { MSR_TSC, MSR_TSC_DEADLINE, 0xc0000080, 0x174 };
	struct kvm_msr_list *list;
	struct cpuid_table *cpuid;
	struct kvm_msrs *msrs;
	uint8_t *p, chip;
	va_list args;

	va_start(args, request);
	p = va_arg(args, uint8_t *);
	va_end(args);
	switch (request) {
	case KVM_CHECK_EXTENSION:
		return 0;
	case KVM_GET_TSC_KHZ:
		return 1000000;
	case KVM_SET_TSC_KHZ:
		return (uintptr_t)p == 77 ? -1 : 0;
	case KVM_GET_MSR_INDEX_LIST:
		list = (void *)p;
		memcpy(list->indices, indices, sizeof(indices));
		list->nmsrs = ARRAY_SIZE(indices);
		return 0;
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		msrs = (void *)p;
		if (request == KVM_GET_MSRS)
			msrs->entries[0].data = msrs->entries[0].index;
		return msrs->nmsrs == 1 && msrs->entries[0].index != 0xbad;
	case KVM_GET_CPUID2:
		cpuid = (void *)p;
		cpuid->head.nent = 2;
		memset(cpuid->entries, 0, 2 * sizeof(cpuid->entries[0]));
		cpuid->entries[1].function = 1;
		cpuid->entries[1].ecx = cpuid->entries[1].edx = 0x0fffffff;
		return 0;
	case KVM_SET_CPUID2:
		cpuid = (void *)p;
		kvm_read += crc32c(0, cpuid->entries,
				   cpuid->head.nent * sizeof(cpuid->entries[0]));
		return 0;
	case KVM_GET_IRQCHIP:
		chip = p[0];
		memset(p, 0, _IOC_SIZE(request));
		p[0] = chip;
		return 0;
	default:
		if (_IOC_DIR(request) & _IOC_READ)
			memset(p, 0, _IOC_SIZE(request));
		else
			kvm_read += crc32c(0, p, _IOC_SIZE(request));
		return 0;
	}
}

/* The machine. */

static void start(struct rig *r, const char *incoming)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

	rig_options(r);
	r->opt.kernel = "none";
	r->opt.incoming = incoming;
	rig_start(r);
	r->vm->vcpus = fuzz_alloc(r->opt.cpus * sizeof(*r->vm->vcpus));
	for (unsigned int i = 0; i < r->opt.cpus; i++)
		r->vm->vcpus[i] = (struct vcpu){ .vm = r->vm, .id = i, .fd = -1 };
	r->vm->pause.on = true;
	pause_set_clocks(r->vm, 1000, 2000);
	/* A disk that was changed is another one. */
	FUZZ_CHECK(!futimens(r->disk, times), "the disk's date");
}

static void stop(struct rig *r)
{
	free(r->vm->vcpus);
	r->vm->vcpus = NULL;
	rig_stop(r);
}

/* Each device has had a driver that did something, and has something to do. */
static void work(struct rig *r)
{
	struct vring_driver ring[VIRTIO_QUEUES_MAX];

	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++) {
		struct virtio_dev *dev = virtio_at(r->vm, slot);
		const struct board_rings where = { 0x10000 * slot, 0x2000, dev->queues, QUEUE };

		board_drive(dev, slot == RIG_NET ? ~0ULL : 0, &where, ring);
		for (unsigned int q = 0; q < dev->queues; q++) {
			ring[q].desc[0] = (struct vring_desc){ 0x100000, 64, 0, 0 };
			ring[q].desc[1] = (struct vring_desc){ 0x101000, 2048,
							       VRING_DESC_WRITE, 0 };
			vring_driver_add(&ring[q], slot == RIG_NET && q ? 0 : 1);
			if (slot != RIG_BLK && slot != RIG_VSOCK)
				board_kick(dev, ring, q);
		}
	}
	bus_write(&r->vm->pio, PORT_COM1 + 4, 1, 0x10);
	bus_write(&r->vm->pio, PORT_COM1, 1, 'a');
	bus_write(&r->vm->pio, PORT_CMOS, 2, 0x7740);
}

/* The file as it should be, made by save.c. */

static uint8_t *base;
static size_t base_size;

static void make_base(void)
{
	char path[64];
	struct stat st;
	struct rig r;
	int fd;

	start(&r, NULL);
	work(&r);
	snprintf(path, sizeof(path), "/tmp/lanbox-rig-%d.state", (int)getpid());
	FUZZ_CHECK(!save_create(r.vm, &r.vm->save), "save_create");
	FUZZ_CHECK(!save_start_thread(r.vm->save), "save_start_thread");
	FUZZ_CHECK(!save_begin(r.vm, path), "save_begin");
	while (save_is_active(r.vm))
		ev_run(r.vm->loop, EVRUN_ONCE);
	FUZZ_CHECK(save_is_done(r.vm), "not saved: %s", rig_log.last);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && !fstat(fd, &st), "the file");
	base_size = (size_t)st.st_size;
	base = fuzz_alloc(base_size);
	FUZZ_CHECK(read(fd, base, base_size) == st.st_size, "the file");
	close(fd);
	unlink(path);
	stop(&r);
}

/* Changing it. */

/** struct file - The file that is being made */
struct file {
	uint8_t *data;
	size_t size;
};

static struct state_head *head(const struct file *f)
{
	return (struct state_head *)(void *)f->data;
}

/* Where section @n is, or one of those that there are, as they were saved. */
static size_t section_at(unsigned int n)
{
	size_t end = ((const struct state_head *)(const void *)base)->ram_at, at = 0;

	do {
		const struct state_section *s = (const void *)(base + at);

		if (!at || at + sizeof(*s) > end || !s->name[0])
			at = sizeof(struct state_head);
		else
			at += sizeof(*s) + ((s->size + 7) & ~7ULL);
	} while (n--);
	return at < end ? at : sizeof(struct state_head);
}

static void change(struct file *f, struct fuzz_in *in)
{
	unsigned int where = fuzz_u8(in);
	size_t at = where == 255 ? 0 : where == 254 ? head(f)->ram_at : section_at(where);
	size_t off = fuzz_u16(in), n = 1 + fuzz_u8(in) % 8;

	if (at + off + n <= f->size)
		fuzz_bytes(in, f->data + at + off, n);
}

static void make_sums(struct file *f)
{
	struct state_head *h = head(f);
	uint64_t at = MIN(h->ram_at, (uint64_t)f->size);

	if (f->size < sizeof(*h) || at < sizeof(*h))
		return;
	h->sections_sum = crc32c(0, f->data + sizeof(*h), at - sizeof(*h));
	h->pages_sum = crc32c(0, f->data + at, f->size - at);
	h->sum = 0;
	h->sum = crc32c(0, h, sizeof(*h));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct file f = { .data = NULL };
	uint8_t flags = fuzz_u8(&in);
	bool changed = in.left != 0;
	char path[32];
	struct rig r;
	int fd;

	if (!base)
		make_base();
	f.size = base_size;
	f.data = fuzz_alloc(f.size);
	memcpy(f.data, base, f.size);
	if (flags & CUT)
		f.size -= fuzz_u16(&in) % f.size;
	for (unsigned int i = 0; in.left && i < CHANGES; i++)
		change(&f, &in);
	if (!(flags & SUMS_WRONG))
		make_sums(&f);
	fd = rig_file(f.size, path);
	FUZZ_CHECK(pwrite(fd, f.data, f.size, 0) == (ssize_t)f.size, "the file");

	start(&r, path);
	rig_log.errors = 0;
	if (!save_create(r.vm, &r.vm->save)) {
		struct eth_addr mac;

		save_mac(r.vm, 0, &mac);
		board_power_on(r.vm);
		if (!save_restore(r.vm)) {
			FUZZ_CHECK(!rig_log.errors, "restored, but: %s", rig_log.last);
			rig_check_rings(&r);
			pause_end(r.vm);
			rig_spin(&r);
			for (unsigned int i = 0; i < 8; i++)
				bus_read(&r.vm->pio, PORT_COM1 + i, 1);
			bus_read(&r.vm->pio, PORT_CMOS + 1, 1);
			rig_check_rings(&r);
		}
	}
	FUZZ_CHECK(changed || flags || !rig_log.errors, "refused as it was: %s", rig_log.last);
	FUZZ_CHECK(!rig_log.errors || (rig_log.errors == 1 && strstr(rig_log.last, path)),
		   "%u errors, the last: %s", rig_log.errors, rig_log.last);
	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++)
		rig_check_device(&r, slot);
	stop(&r);
	close(fd);
	free(f.data);
	return 0;
}
