// Keeps a page fresh: asks for its own address again and changes what differs, so focus, scroll and selection stay.
"use strict";

const TIMEOUT_MS = 8000;

function alike(a, b) {
  return a && a.nodeName === b.nodeName && !a.dataset?.key && !b.dataset?.key;
}

function morph(now, next) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  if (now.hasAttribute("data-keep")) return;
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  for (const { name } of [...now.attributes]) if (!next.hasAttribute(name)) now.removeAttribute(name);
  const wanted = new Set([...next.children].map((child) => child.dataset.key).filter(Boolean));
  const keyed = new Map();
  for (const child of [...now.children]) {
    const key = child.dataset.key;
    if (key && !wanted.has(key)) child.remove();
    else if (key) keyed.set(key, child);
  }
  let cursor = now.firstChild;
  for (const child of next.childNodes) {
    const known = child.dataset?.key ? keyed.get(child.dataset.key) : alike(cursor, child) ? cursor : null;
    if (!known) {
      now.insertBefore(document.importNode(child, true), cursor);
    } else if (known === cursor) {
      cursor = cursor.nextSibling;
      morph(known, child);
    } else {
      now.insertBefore(known, cursor);
      morph(known, child);
    }
  }
  while (cursor) {
    const rest = cursor.nextSibling;
    cursor.remove();
    cursor = rest;
  }
}

function tell(state, text) {
  const live = document.querySelector(".live");
  document.documentElement.dataset.live = state;
  if (live.textContent !== text) live.textContent = text;
}

function listed() {
  return [...document.querySelectorAll("[data-row]")];
}

async function refresh() {
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.redirected || answer.status === 403) return location.reload();
  if (!answer.ok) throw new Error(answer.statusText);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement;
  const place = listed().indexOf(focused);
  morph(document.body, next.body);
  if (!focused.isConnected) (listed()[Math.min(place, listed().length - 1)] ?? document.querySelector("main")).focus();
  else if (focused !== document.activeElement) focused.focus({ preventScroll: true });
  document.title = next.title;
  tell("on", "Live");
}

async function keepFresh(everyMs) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    if (document.hidden) continue;
    await refresh().catch(() => tell("lost", "Connection lost, trying again"));
  }
}

document.addEventListener("keydown", (event) => {
  const search = document.querySelector(".search input");
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && event.target !== search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && event.target === search) {
    search.blur();
  }
});

const everyMs = Number(document.body.dataset.refresh);
if (everyMs) {
  tell("on", "Live");
  keepFresh(everyMs);
}
