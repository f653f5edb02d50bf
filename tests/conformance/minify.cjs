#!/usr/bin/env node
/*
 * Prints the form in which a page gets a script of ours: a function expression without white space.
 *
 *   npm ci
 *   node minify.cjs ../../segment_identity/browser/bridge.js > ../../segment_identity/browser/bridge.min.js
 *
 * tests/web/test_bridge.py and test_snippet.py hold the committed forms to this one.
 */
'use strict'

const fs = require('node:fs')

const { minify } = require('terser')

const OPTIONS = {
  ecma: 2017,
  compress: { expression: true, passes: 3, unsafe_arrows: true },
  format: { ascii_only: true, inline_script: true },
}

async function main() {
  const { code } = await minify(fs.readFileSync(process.argv[2], 'utf8'), OPTIONS)
  process.stdout.write(code.replace(/;$/, '') + '\n')
}

main()
