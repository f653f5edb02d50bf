"""What the browser tests need: Chromium, the shop as a process, and a page with Analytics.js."""
