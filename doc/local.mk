# doc/ - man pages (mdoc) and design
dist_man_MANS += \
	doc/lanbox.1 \
	doc/lanbox-control.7 \
	doc/lanbox-plug.1 \
	doc/lanbox-switchd.8 \
	doc/lanbox-vmm.1 \
	doc/lanbox-wirefilter.1 \
	doc/libvdeplug_lanbox.1
EXTRA_DIST += doc/architecture.md doc/benchmarks.md doc/failures.md \
	doc/plots/vhost-dpdk.svg doc/plots/vhost-rings.svg doc/plots/vm-rate.svg
