// Track what only a browser can know: that somebody came as far as the shelf.
"use strict";
{
  const heading = document.querySelector("#shelf h2");

  function see(entries, observer) {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    window.analytics.track("Product List Viewed", { list_id: "shelf", category: "plants" });
  }

  if (heading) new IntersectionObserver(see, { rootMargin: "0px 0px -25% 0px" }).observe(heading);
}
