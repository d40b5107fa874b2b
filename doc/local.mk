# doc/ - man pages (mdoc) and design
