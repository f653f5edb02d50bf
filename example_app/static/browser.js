// Show what Analytics.js in this page knows, and what a destination in the browser gets from it.
"use strict";
{
  const got = [];

  async function take(context) {
    got.unshift(context.event);
    draw();
    return context;
  }

  // Queued before Analytics.js is there, so that not even the first call is missed.
  window.analytics = window.analytics || [];
  window.analytics.push(["register", {
    name: "Shop window",
    type: "destination",
    version: "1.0.0",
    isLoaded: () => true,
    load: async () => {},
    track: take, identify: take, page: take, group: take, alias: take, screen: take,
  }]);

  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  // The server's own chip, colour and all, if both sides hold the same id.
  function chip(name, id) {
    const told = document.querySelector(`[data-server="${name}"] dd`);
    if (!id) return element("span", "none", "none");
    const same = told.querySelector("code");
    if (same && same.title === id) return same.cloneNode(true);
    const other = element("code", "", id.length > 20 ? `${id.slice(0, 13)}…${id.slice(-6)}` : id);
    other.title = id;
    return other;
  }

  function agrees(name, id) {
    const told = document.querySelector(`[data-server="${name}"] code`);
    return (told ? told.title : null) === (id || null);
  }

  function line(event) {
    const text = event.event || event.name || (event.properties || {}).path || traits(event.traits);
    // Analytics.js gives its own calls ids that begin so.
    const waited = !event.messageId.startsWith("ajs-next-");
    const time = element("time", "", new Date(event.timestamp).toLocaleTimeString("en-GB"));
    return element("li", "",
      element("span", `kind ${event.type}`, event.type), " ",
      element("span", "what", text), " ", time, " ",
      element("span", "from", waited ? "waited for this page" : "made here"));
  }

  function traits(given) {
    return Object.entries(given || {}).map(([name, value]) => `${name}: ${value}`).join(", ");
  }

  function draw() {
    const place = document.getElementById("browser");
    if (!place || Array.isArray(window.analytics)) return;
    const user = window.analytics.user();
    const ids = { anonymousId: user.anonymousId(), userId: user.id() };
    const rows = Object.entries(ids).map(([name, id]) =>
      element("div", "", element("dt", "", name), element("dd", "", chip(name, id))));
    const same = Object.entries(ids).every(([name, id]) => agrees(name, id));
    const verdict = same ? "the same as on the server" : "not yet as on the server";
    const events = element("ol", "events", ...got.map(line));
    place.replaceChildren(
      element("h3", "", "Analytics.js in this page"),
      element("dl", "ids", ...rows),
      element("ul", "words", element("li", same ? "same" : "apart", verdict)),
      element("h3", "", "A destination in the browser got"),
      got.length ? events : element("p", "none", "Nothing yet."));
    place.hidden = false;
  }

  document.addEventListener("panelshown", draw);
  document.addEventListener("DOMContentLoaded", () => window.analytics.ready(draw));
}
