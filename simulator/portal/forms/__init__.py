"""The pages that ask: create, associate, register, convert, change, delete.

A form is a table of fields (`field.py`, `peering_fields.py`, `resource_fields.py`); its values make an ARM document,
and the functions that answer the REST API take or refuse it. What they refuse is shown at the field that they name. A
form of several steps has a draft (`drafts.py`), which outlives a reload, Back and a restart.
"""
