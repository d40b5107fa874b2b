# plug/ - cables: their ends, the plug; and the module that gives libvdeplug's
# programs our shared-memory path
noinst_LTLIBRARIES += plug/libplug.la
plug_libplug_la_SOURCES = \
	plug/end.c plug/end.h \
	plug/end_stream.c \
	plug/end_tap.c \
	plug/end_vnl.c \
	plug/command.c plug/command.h \
	plug/iplog.c plug/iplog.h \
	plug/plug.c plug/plug.h \
	plug/plug_options.c plug/plug_options.h
plug_libplug_la_CFLAGS = $(AM_CFLAGS) -pthread
plug_libplug_la_LIBADD = lib/libcommon.la $(VDEPLUG_LIBS) -lpthread

bin_PROGRAMS += lanbox-plug
lanbox_plug_SOURCES = plug/plug_main.c
lanbox_plug_LDADD = plug/libplug.la lib/libcommon.la

vdeplugdir = $(libdir)/vdeplug
vdeplug_LTLIBRARIES = plug/libvdeplug_lanbox.la
plug_libvdeplug_lanbox_la_SOURCES = \
	plug/module.c \
	plug/ringconn.c plug/ringconn.h
plug_libvdeplug_lanbox_la_CFLAGS = $(AM_CFLAGS)
plug_libvdeplug_lanbox_la_LIBADD = lib/libfront.la $(VDEPLUG_LIBS)
plug_libvdeplug_lanbox_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^vdeplug_ops$$' \
	-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
