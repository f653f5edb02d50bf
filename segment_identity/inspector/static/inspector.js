// Show events as they come, and keep the other parts of the page up to date.
"use strict";

const MOST = 300;
const list = document.getElementById("events");

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function who(event) {
  const id = event.userId || event.anonymousId || "";
  if (!list.dataset.people) return element("span", "id", id);
  const link = element("a", "id", id);
  link.href = `people?id=${encodeURIComponent(id)}`;
  return link;
}

// Texts only ever become text nodes, whatever they hold.
function row(event) {
  const summary = element("summary");
  const traits = event.type === "identify" ? Object.keys(event.traits || {}).join(", ") : "";
  const path = event.type === "page" ? event.context?.page?.path : "";
  const name = event.event || event.name || event.groupId || event.previousId || traits || path || "";
  summary.append(
    element("time", "", String(event.timestamp || "").slice(11, 19)),
    element("span", "kind", event.type),
    element("b", "", String(name)),
    who(event),
  );
  const details = element("details");
  details.append(summary);
  // A long list of payloads is laid out only when somebody looks.
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("pre")) details.append(element("pre", "", JSON.stringify(event, null, 2)));
  });
  const item = element("li", "fresh");
  item.text = JSON.stringify(event).toLowerCase();
  item.append(details);
  return item;
}

function watch() {
  const filter = document.getElementById("filter");
  const pause = document.getElementById("pause");
  const waiting = [];
  const matches = (item) => item.text.includes(filter.value.trim().toLowerCase());

  function show(item) {
    item.hidden = !matches(item);
    list.prepend(item);
    document.getElementById("none").hidden = true;
    while (list.children.length > MOST) list.lastElementChild.remove();
  }

  filter.addEventListener("input", () => {
    for (const item of list.children) item.hidden = !matches(item);
  });
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) waiting.splice(0).forEach(show);
  });

  const source = new EventSource("stream");
  source.onopen = () => document.body.classList.add("live");
  source.onerror = () => document.body.classList.remove("live");
  source.onmessage = (message) => {
    const item = row(JSON.parse(message.data));
    if (pause.getAttribute("aria-pressed") === "true") waiting.push(item);
    else show(item);
  };
}

async function refresh() {
  for (const part of document.querySelectorAll("[data-part]")) {
    try {
      const response = await fetch(part.dataset.part, { headers: { Accept: "text/x-fragment" } });
      const html = await response.text();
      if (response.ok && html !== part.shown && !part.matches(":focus-within")) {
        // Made and escaped by the server, from a template.
        part.innerHTML = html;
        part.shown = html;
      }
    } catch {
      // The stream's lamp says that the server is away.
    }
  }
  setTimeout(refresh, document.hidden ? 10_000 : 2_000);
}

if (list) {
  watch();
  setTimeout(refresh, 2_000);
}
