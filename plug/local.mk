# plug/ - where the cable end and the libvdeplug module go
