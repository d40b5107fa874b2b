# switchd/ - the switch daemon
noinst_LTLIBRARIES += switchd/libswitchd.la
switchd_libswitchd_la_SOURCES = \
	switchd/admin.c switchd/admin.h \
	switchd/admin_policy.c \
	switchd/binding.c switchd/binding.h \
	switchd/announce.c switchd/announce.h \
	switchd/bpdu.c switchd/bpdu.h \
	switchd/bridge.c switchd/bridge.h \
	switchd/claim.c switchd/claim.h \
	switchd/cmd_debug.c \
	switchd/cmd_fstp.c \
	switchd/cmd_general.c \
	switchd/cmd_guard.c \
	switchd/cmd_hash.c \
	switchd/cmd_lldp.c \
	switchd/cmd_mcast.c \
	switchd/cmd_mirror.c \
	switchd/cmd_plugin.c \
	switchd/cmd_policy.c \
	switchd/cmd_port.c \
	switchd/cmd_tap.c \
	switchd/cmd_vlan.c \
	switchd/dhcp.c switchd/dhcp.h \
	switchd/ethertypes.c switchd/ethertypes.h \
	switchd/events.c switchd/events.h \
	switchd/fcfs.c switchd/fcfs.h \
	switchd/guard.c switchd/guard.h \
	switchd/guarding.c switchd/guarding.h \
	switchd/portgroup.c switchd/portgroup.h \
	switchd/open_as.c switchd/open_as.h \
	switchd/pcap_filter.c switchd/pcap_filter.h \
	switchd/pcap_out.c switchd/pcap_out.h \
	switchd/plugin.c switchd/plugin.h \
	switchd/plugin_dump.c \
	switchd/plugin_iplog.c \
	switchd/plugin_pdump.c \
	switchd/igmp.c switchd/igmp.h \
	switchd/iplog.c switchd/iplog.h \
	switchd/lldp.c switchd/lldp.h \
	switchd/rcfile.c switchd/rcfile.h \
	switchd/user.c switchd/user.h \
	switchd/vlan.c switchd/vlan.h \
	switchd/finish.c switchd/finish.h \
	switchd/vlan_out.c switchd/vlan_out.h \
	switchd/doorbell.c switchd/doorbell.h \
	switchd/flow.h \
	switchd/poller.c switchd/poller.h \
	switchd/port_vhost.c switchd/port_vhost.h \
	switchd/vhost.c switchd/vhost.h \
	switchd/vhost_dev.c switchd/vhost_dev.h \
	switchd/capture.c switchd/capture.h \
	switchd/console.c switchd/console.h \
	switchd/console_cmds.c switchd/console_cmds.h \
	switchd/control.c switchd/control.h \
	switchd/control_change.c switchd/control_cmds.h \
	switchd/control_events.c \
	switchd/control_mirror.c \
	switchd/control_policy.c switchd/control_policy.h \
	switchd/control_guard.c \
	switchd/control_lldp.c \
	switchd/control_query.c \
	switchd/ctl.c switchd/ctl.h \
	switchd/dgramio.c switchd/dgramio.h \
	switchd/fdb.c switchd/fdb.h \
	switchd/fdb_rank.c switchd/fdb_rank.h \
	switchd/frame.h \
	switchd/frame_pcap.h \
	switchd/isolation.c switchd/isolation.h \
	switchd/mcast.c switchd/mcast.h \
	switchd/mirror.c switchd/mirror.h \
	switchd/named.c switchd/named.h \
	switchd/options.c switchd/options.h \
	switchd/policy.c switchd/policy.h \
	switchd/port.c switchd/port.h \
	switchd/port_dgram.c switchd/port_dgram.h \
	switchd/port_stream.c switchd/port_stream.h \
	switchd/port_tap.c switchd/port_tap.h \
	switchd/port_vde.c switchd/port_vde.h \
	switchd/rate.c switchd/rate.h \
	switchd/rstp.c switchd/rstp.h \
	switchd/rxbuf.h \
	switchd/secure.c switchd/secure.h \
	switchd/snoop.c switchd/snoop.h \
	switchd/storm.c switchd/storm.h \
	switchd/stp.c switchd/stp.h \
	switchd/stats.c switchd/stats.h \
	switchd/stream.c switchd/stream.h \
	switchd/txq.c switchd/txq.h \
	switchd/vsw.c switchd/vsw.h \
	switchd/vsw_forward.c \
	switchd/vswdir.c switchd/vswdir.h \
	switchd/watch.c switchd/watch.h
switchd_libswitchd_la_LIBADD = lib/libcommon.la

bin_PROGRAMS += lanbox-switchd
lanbox_switchd_SOURCES = switchd/main.c
lanbox_switchd_LDADD = switchd/libswitchd.la lib/libcommon.la

# systemd
if SYSTEMD
systemdsystemunit_DATA = switchd/lanbox-switch@.service
endif
EXTRA_DIST += switchd/lanbox-switch@.service.in
CLEANFILES += switchd/lanbox-switch@.service
switchd/lanbox-switch@.service: switchd/lanbox-switch@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) switchd && sed -e 's,@bindir\@,$(bindir),' \
		'$(srcdir)/switchd/lanbox-switch@.service.in' >$@
