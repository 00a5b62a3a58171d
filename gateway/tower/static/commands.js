// What people ask for: forms whose fields become the JSON of a command, and a list that is walked by keyboard.
"use strict";

const ANSWER_TIMEOUT_MS = 15000;
const TOAST_MS = 10000;

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "tower-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bodyOf(form, button) {
  const body = {};
  for (const field of form.elements) {
    const value = field.type === "checkbox" ? field.checked : field.value?.trim();
    if (!field.name || !value || (field.type === "submit" && field !== button)) continue;
    if (field.dataset.line) {
      (body[field.name] ??= []).push({ line: Number(field.dataset.line), quantity: Number(value) });
    } else if (field.dataset.ids !== undefined) {
      body[field.name] = value.match(/\d+/g).map(Number);
    } else {
      body[field.name] = field.type === "number" ? Number(value) : value;
    }
  }
  return body;
}

// A command that got no answer is sent again under its id, so that it is carried out once.
async function ask(form, body) {
  const text = JSON.stringify(body);
  if (form.unanswered?.text !== text) form.unanswered = { text, id: newId() };
  const answer = await fetch(form.dataset.send, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ ...body, id: form.unanswered.id }),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const told = await answer.json();
  if (answer.status < 500) form.unanswered = null;
  return { answer, told };
}

function whyNot({ detail, title, findings = [] }) {
  const rules = findings.map(({ field, rule }) => `${field}: ${rule}`);
  return rules.length ? rules.join(". ") : detail || title;
}

function toast(text) {
  const place = document.querySelector(".toast");
  place.textContent = text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (place.textContent = ""), TOAST_MS);
}

async function send(form, button) {
  const said = form.querySelector(".answer");
  said.textContent = "";
  const { answer, told } = await ask(form, bodyOf(form, button));
  if (!answer.ok) {
    said.textContent = whyNot(told);
    return;
  }
  form.reset();
  if (form.popover && form.matches(":popover-open")) form.hidePopover();
  toast(answer.status === 202 ? "Accepted: it is decided in a moment" : told.done || form.dataset.done);
  await refresh();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.send) return;
  event.preventDefault();
  if (form.sending) return;
  form.sending = true;
  try {
    await send(form, event.submitter);
  } catch {
    form.querySelector(".answer").textContent = "No answer came. Send it again: it is carried out once.";
  } finally {
    form.sending = false;
  }
});

document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = listed();
  const place = rows.indexOf(document.activeElement);
  const busy = event.target.closest("input, textarea, select, [popover]");
  if (!step || !rows.length || busy || event.ctrlKey || event.metaKey || event.altKey) return;
  if (place < 0 && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  rows[place < 0 ? 0 : Math.min(Math.max(place + step, 0), rows.length - 1)].focus();
});
