# lib/ - what two folders share; includes nothing outside of itself
noinst_LTLIBRARIES += lib/libcommon.la lib/libfront.la

# What a driver of rings needs: all that the module for libvdeplug contains of it.
lib_libfront_la_SOURCES = \
	lib/fd.c lib/fd.h \
	lib/vhost_front.c lib/vhost_front.h \
	lib/vring_driver.c lib/vring_driver.h

lib_libcommon_la_SOURCES = \
	lib/activation.c lib/activation.h \
	lib/bytes.h lib/clock.h lib/compiler.h \
	lib/crc32c.c lib/crc32c.h \
	lib/csum.c lib/csum.h \
	lib/daemon.c lib/daemon.h \
	lib/eth.c lib/eth.h \
	lib/guestmem.c lib/guestmem.h \
	lib/iov.c lib/iov.h \
	lib/listener.c lib/listener.h \
	lib/log.c lib/log.h \
	lib/parse.c lib/parse.h \
	lib/memguard.c lib/memguard.h \
	lib/offload.c lib/offload.h \
	lib/pace.c lib/pace.h \
	lib/vhost_wire.h \
	lib/vnet.c lib/vnet.h \
	lib/pcapfile.h lib/ratelimit.h lib/siphash.h lib/vde_wire.h \
	lib/qmp.c lib/qmp.h \
	lib/qmp_args.c lib/qmp_args.h \
	lib/rundir.c lib/rundir.h \
	lib/tap.c lib/tap.h \
	lib/vring.c lib/vring.h
lib_libcommon_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
lib_libcommon_la_LIBADD = lib/libfront.la $(JANSSON_LIBS) $(EV_LIBS)
