"""The first files of somebody's own rehearsal: `turnup init`. What there is already is read, the rest is asked."""
