"""The portal: the service in the browser, for the peer and for the person who plays Microsoft.

It has no rule of its own. It asks the very functions that answer the REST API (`arm.ask`), and the provider's own for
what is not Azure's (`provider.operate`, `provider.asns`, `provider.set`); what these refuse is shown where it belongs.
Pages are HTML that the server writes; without the script they work too.

How a page is made:

* A module has a table `PAGES: tuple[PortalPage, ...]` (`visit.py`); `app.py` lists the modules. A page is a path, a
  verb and `async def answer(visit: Visit) -> Response`. Pages that ask live in `portal/forms/`, and `app.py` takes
  `forms.PAGES` in. What the navigation shows is the table `NAVIGATION` in `frame.py`.
* `visit` is one request: `visit.provider`, `visit.path["name"]`, `visit.query("state")`, and for a POST
  `visit.form` (a `FormData`: `form["name"]`, `form.all("name")`, `form.document()`).
* It answers with `visit.page("template.html", "Title", **data)`, or, after a change, with
  `visit.go("/path", "what was done")`: a redirect (303) whose message the next page shows once. It raises
  `PageError(404, "…")` for what is not there. `status=` and `problems=` are keywords of `visit.page`.
* Every POST is checked before the page sees it: it comes from a page of this server (Origin), with the token that the
  form has (`{{ csrf() }}` in every form). Every answer has a Content-Security-Policy without inline script or style:
  no `style=`, no `onclick=`; classes, and SVG attributes, will do.
* A template extends `base.html` and fills `content`; `crumbs` is a list of (text, path), and `lead` a sentence below
  the title. `macros.html` has the two states (`connection_state`, `bgp_state`), pills, times and addresses of pages;
  `fields.html` the inputs (`text`, `number`, `choice`, `check`, `area`), each with its label, what it is, and its
  error.

* The pages of one peering share `peering_frame.py`: `peering_of(visit)` finds it, `peering_page(visit, record, "part",
  "template.html", **data)` writes it below its tabs, which are the table `TABS`; the template extends
  `peering_base.html` and fills `tab`.

How an error becomes a field's:

* Inputs are named by the path of the field in the resource's document (`properties.exchange.connections[0].
  peeringDBFacilityId`). `form.document()` makes the document of them, and an ARM error names that path in `target`.
* `try: answer = await ask(visit.provider, "PUT", path, document)`; `except ArmError as error: problems =
  Problems.of(error)`, and the page is shown again: `visit.page(…, status=error.status, problems=problems)`. The inputs
  of `fields.html` find their own; what belongs to no input of the page stands in the summary at the top, which gets the
  focus. `Problems.at(name, text)` and `Problems | Problems` are for a page's own.

Live: a part of a page with an `id` and `data-live` is fetched again when something happened (`static/portal.js` follows
`/changes`, which says only that there is news) and put in place without loss of focus. What changes in an element with
`data-say="…"` is read out. Parts that ask (forms with text in them) are not live.
"""
