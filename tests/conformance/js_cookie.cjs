#!/usr/bin/env node
/*
 * Writes each text of the JSON array on standard input as js-cookie does, the cookie library of
 * Analytics.js, and prints a JSON array of [the written value, what js-cookie reads from it].
 */
'use strict'

const fs = require('node:fs')

globalThis.document = { cookie: '' }
const cookies = require('js-cookie')

const texts = JSON.parse(fs.readFileSync(0, 'utf8'))
const answers = texts.map((text) => {
  const written = cookies.set('name', text, { path: null })
  document.cookie = written
  return [written.slice('name='.length), cookies.get('name')]
})
fs.writeSync(1, JSON.stringify(answers))
