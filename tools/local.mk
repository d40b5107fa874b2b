# tools/ - the command for people
noinst_LTLIBRARIES += tools/libtools.la
tools_libtools_la_SOURCES = \
	tools/capture.c tools/capture.h \
	tools/qmp_client.c tools/qmp_client.h \
	tools/switch.c tools/switch.h \
	tools/switch_args.c tools/switch_cmds.h \
	tools/switch_show.c \
	tools/switch_watch.c \
	tools/table.c tools/table.h \
	tools/vm.c tools/vm.h \
	tools/vm_console.c tools/vm_console.h \
	tools/vm_find.c tools/vm_find.h
tools_libtools_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tools_libtools_la_LIBADD = lib/libcommon.la $(JANSSON_LIBS)

bin_PROGRAMS += lanbox
lanbox_SOURCES = tools/main.c
lanbox_LDADD = tools/libtools.la lib/libcommon.la
