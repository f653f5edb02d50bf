// Keep the panel up to date while somebody looks at the page.
"use strict";

const panel = document.getElementById("panel");
const PAUSE = 1500;
let timer;
let shown;

function ids(element) {
  return new Set(Array.from(element.querySelectorAll("[data-event]"), (row) => row.dataset.event));
}

function show(html) {
  if (html === shown || holdsSelection()) return;
  const before = ids(panel);
  panel.innerHTML = html;
  for (const row of panel.querySelectorAll("[data-event]")) {
    if (!before.has(row.dataset.event)) row.classList.add("fresh");
  }
  shown = html;
  document.dispatchEvent(new Event("panelshown"));
}

function holdsSelection() {
  const selection = document.getSelection();
  return !selection.isCollapsed && panel.contains(selection.anchorNode);
}

async function refresh() {
  try {
    // No text/html here: over plain http it would look like somebody opening a page.
    const response = await fetch("/panel", { headers: { Accept: "text/x-fragment" } });
    if (response.ok) show(await response.text());
    document.body.classList.toggle("live", response.ok);
  } catch {
    document.body.classList.remove("live");
  }
  schedule();
}

function schedule() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, PAUSE);
}

document.addEventListener("visibilitychange", schedule);
schedule();
