// Keeps an open page true: when the server says that there is news, the page is fetched again, and what differs in its
// live parts is put in place without loss of focus. All else works without this file.
"use strict";

const announcer = document.getElementById("announcer");
const linkState = document.getElementById("link-state");

// --- the page as it is now on the server ---

let fetching = false;
let wanted = false;
let pause = 150;

async function refresh() {
  wanted = true;
  if (fetching) return;
  fetching = true;
  while (wanted && !document.hidden) {
    wanted = false;
    const began = performance.now();
    try {
      const url = new URL(location.href);
      url.searchParams.delete("said");
      const answer = await fetch(url, { headers: { Accept: "text/html", "Turnup-Live": "1" } });
      if (answer.redirected) {
        // What the page showed has moved on.
        location.assign(answer.url);
        return;
      }
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      else if (answer.status === 404 || answer.status === 410) gone();
      else if (answer.status === 401) location.reload(); // signed out: the server leads to the sign-in
    } catch {
      // The server is away: the stream says so, and asks again when it is back.
    }
    pause = Math.min(Math.max(150, 4 * (performance.now() - began)), 3000);
    await new Promise((done) => setTimeout(done, pause));
  }
  fetching = false;
}

function take(fresh) {
  const before = spoken();
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now !== null) morph(part, now);
  }
  if (fresh.body.dataset.guide) document.body.dataset.guide = fresh.body.dataset.guide;
  else delete document.body.dataset.guide;
  tick();
  const said = [];
  for (const [key, text] of spoken()) {
    if (before.has(key) && before.get(key) !== text) said.push(`${key}: ${text}`);
  }
  if (said.length > 0) {
    announcer.textContent =
      said.length > 4 ? `${said.slice(0, 3).join(". ")}. And ${said.length - 3} more changes` : said.join(". ");
  }
}

function gone() {
  const parts = document.querySelectorAll("main [data-live]:not(#guide)");
  if (parts.length === 0) return;
  for (const part of parts) part.classList.add("gone");
  announcer.textContent = "What this page showed is not there any more";
}

function spoken() {
  return new Map([...document.querySelectorAll("[data-say]")].map((each) => [each.dataset.say, text(each)]));
}

const text = (each) => each.textContent.replace(/\s+/g, " ").trim();

// --- from one tree to the other ---

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  attributes(old, fresh);
  const keyed = new Map([...old.children].filter((each) => each.id).map((each) => [each.id, each]));
  let place = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    let same = next.id && keyed.get(next.id);
    if (same) {
      if (same !== place) old.insertBefore(same, place);
      else place = place.nextSibling;
      morph(same, next);
    } else if (place !== null && alike(place, next)) {
      const following = place.nextSibling;
      if (next.nodeType === Node.ELEMENT_NODE) morph(place, next);
      else if (place.nodeValue !== next.nodeValue) place.nodeValue = next.nodeValue;
      place = following;
    } else {
      old.insertBefore(document.importNode(next, true), place);
    }
  }
  while (place !== null) {
    const following = place.nextSibling;
    place.remove();
    place = following;
  }
}

function alike(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return false;
  return old.nodeType !== Node.ELEMENT_NODE || (old.id === fresh.id && !(old.id && old.id !== fresh.id));
}

function attributes(old, fresh) {
  // What a person did to the page stays: an open <details>, a text half written.
  const kept = old.nodeName === "DETAILS" ? ["open"] : [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

// --- ages, which go on between two refreshes; nothing reads them out ---

function tick() {
  for (const each of document.querySelectorAll("[data-age]")) {
    const since = each.dateTime ?? each.dataset.since;
    const seconds = Math.max(0, (Date.now() - skew - Date.parse(since)) / 1000);
    const shown = duration(seconds);
    if (each.textContent !== shown) each.textContent = shown;
  }
}

let skew = 0;

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

// --- the stream ---

let stream;
let seen = document.body.dataset.seen;

function follow() {
  stream = new EventSource("/changes");
  stream.onopen = () => link("live", "live");
  stream.onmessage = (event) => {
    link("live", "live");
    if (event.data === seen) return;
    seen = event.data;
    refresh();
  };
  stream.onerror = () => {
    link("away", "no connection: it is tried again");
    if (stream.readyState !== EventSource.CLOSED) return;
    // Refused, and a browser does not try that again by itself: the page learns why.
    refresh();
    setTimeout(follow, 3000);
  };
}

function begin() {
  follow();
  addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

function link(state, words) {
  if (linkState.dataset.liveState === state) return;
  linkState.dataset.liveState = state;
  linkState.textContent = words;
  if (state !== "live") return;
  document.getElementById("unsent")?.remove();
  refresh();
}

function unsent(where) {
  document.getElementById("unsent")?.remove();
  const words = document.createElement("p");
  words.id = "unsent";
  words.className = "note bad";
  words.setAttribute("role", "alert");
  words.textContent = "The server is away: nothing was sent. What you typed is still here; send it once the page is live again.";
  (where.closest(".buttons, td, .filters") ?? where).after(words);
}

// --- small helps ---

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button !== null) {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      announcer.textContent = "Copied";
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1500);
    } catch {
      getSelection().selectAllChildren(source);
      announcer.textContent = "Selected: copy it with your keyboard";
    }
    return;
  }
  const problem = event.target.closest("a[data-field]");
  if (problem !== null) {
    const field = document.getElementById(`f-${problem.dataset.field}`);
    if (field !== null) {
      event.preventDefault();
      field.focus();
      field.scrollIntoView({ block: "center" });
    }
  }
});

// A filter is a form of its own: it asks as soon as something is chosen.
document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-auto] select, form[data-auto] input[type=checkbox]")) event.target.form.requestSubmit();
});

// Twice is once: a form that is on its way is not sent again. While the server is away none is sent at all, so that what
// was typed stays on the page.
document.addEventListener("submit", (event) => {
  if (linkState.dataset.liveState === "away") {
    event.preventDefault();
    unsent(event.submitter ?? event.target);
    return;
  }
  if (event.target.dataset.sent === "1" && event.target.method === "post") event.preventDefault();
  event.target.dataset.sent = "1";
});

document.querySelector("[data-focus]")?.focus();
if (document.querySelector("[data-live]") !== null) begin();
else linkState.hidden = true;
setInterval(tick, 1000);
tick();
