"""`turnup bench`: how fast turnup is beside real daemons that do the same work in the same run on this machine."""
