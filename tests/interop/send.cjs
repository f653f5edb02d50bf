// Sends calls.json through the real @segment/analytics-node, one call each.
//
//     node send.cjs HOST [WRITE_KEY]

"use strict";

const path = require("node:path");
const { createRequire } = require("node:module");

const installed = createRequire(path.join(__dirname, "..", "conformance", "package.json"));
const { Analytics } = installed("@segment/analytics-node");
const calls = require("./calls.json");

async function main(host, writeKey = "write-key") {
  const analytics = new Analytics({ writeKey, host });
  for (const { type, timestamp, ...fields } of calls) {
    analytics[type](timestamp ? { ...fields, timestamp: new Date(timestamp) } : fields);
  }
  await analytics.closeAndFlush({ timeout: 20_000 });
}

main(...process.argv.slice(2));
