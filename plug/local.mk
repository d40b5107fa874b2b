# plug/ - cables: their ends, the plug; and the module that gives libvdeplug's
# programs our shared-memory path
noinst_LTLIBRARIES += plug/libplug.la
plug_libplug_la_SOURCES = \
	plug/end.c plug/end.h \
	plug/end_ring.c \
	plug/end_stream.c \
	plug/end_tap.c \
	plug/end_vnl.c \
	plug/command.c plug/command.h \
	plug/iplog.c plug/iplog.h \
	plug/plug.c plug/plug.h \
	plug/plug_options.c plug/plug_options.h \
	plug/program.c plug/program.h \
	plug/ringconn.c plug/ringconn.h \
	plug/ringname.c plug/ringname.h
plug_libplug_la_CFLAGS = $(AM_CFLAGS) -pthread
plug_libplug_la_LIBADD = lib/libcommon.la $(VDEPLUG_LIBS) -lpthread

bin_PROGRAMS += lanbox-plug
lanbox_plug_SOURCES = plug/plug_main.c
lanbox_plug_LDADD = plug/libplug.la lib/libcommon.la

vdeplugdir = $(libdir)/vdeplug
vdeplug_LTLIBRARIES = plug/libvdeplug_lanbox.la
plug_libvdeplug_lanbox_la_SOURCES = \
	plug/module.c \
	plug/ringconn.c plug/ringconn.h \
	plug/ringname.c plug/ringname.h
plug_libvdeplug_lanbox_la_CFLAGS = $(AM_CFLAGS)
plug_libvdeplug_lanbox_la_LIBADD = lib/libfront.la $(VDEPLUG_LIBS)
plug_libvdeplug_lanbox_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^vdeplug_ops$$' \
	-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed

# A wire that loses and delays frames, in place of wirefilter.
noinst_LTLIBRARIES += plug/libwire.la
plug_libwire_la_SOURCES = \
	plug/markov.c plug/markov.h \
	plug/wire.c plug/wire.h \
	plug/wire_cable.c plug/wire_cable.h \
	plug/wire_cmds.c plug/wire_cmds.h \
	plug/wire_console.c plug/wire_console.h \
	plug/wire_options.c plug/wire_options.h \
	plug/wire_random.h \
	plug/wire_value.c plug/wire_value.h \
	plug/wirefilter.c plug/wirefilter.h
plug_libwire_la_LIBADD = plug/libplug.la lib/libcommon.la -lm

bin_PROGRAMS += lanbox-wirefilter
lanbox_wirefilter_SOURCES = plug/wirefilter_main.c
lanbox_wirefilter_LDADD = plug/libwire.la plug/libplug.la lib/libcommon.la
