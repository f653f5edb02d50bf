// Sends calls.json through the real @segment/analytics-node, one call each.
//
//     node send.cjs HOST

"use strict";

const path = require("node:path");
const { createRequire } = require("node:module");

const installed = createRequire(path.join(__dirname, "..", "conformance", "package.json"));
const { Analytics } = installed("@segment/analytics-node");
const calls = require("./calls.json");

async function main(host) {
  const analytics = new Analytics({ writeKey: "write-key", host });
  for (const { type, timestamp, ...fields } of calls) {
    analytics[type](timestamp ? { ...fields, timestamp: new Date(timestamp) } : fields);
  }
  await analytics.closeAndFlush({ timeout: 20_000 });
}

main(process.argv[2]);
