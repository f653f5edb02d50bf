#!/usr/bin/env node
/*
 * Asks the real Analytics.js what it does, and prints one JSON line per sequence of calls.
 *
 *   npm ci
 *   node oracle.cjs --version 1.84.3 --seed 1 --count 400 > vectors/1.84.3.jsonl
 *   node oracle.cjs --version 1.84.1 --seed 100001 --count 200 > vectors/1.84.1.jsonl
 *   node oracle.cjs --replay vectors/directed.jsonl > directed.new && mv directed.new vectors/directed.jsonl
 *
 * --seed S --count N   makes N random sequences, seeded S, S+1, ...
 * --replay FILE        runs the ops of each line of FILE again; `-` is standard input
 *
 * Every sequence has a browser window of its own, so cookies, localStorage and the package's memory
 * start empty. Messages are taken from the request bodies of the package's own Segment.io plugin;
 * nothing leaves the machine, and a request for anything else is an error. The window's Math.random
 * is seeded as well, so the same command prints the same bytes.
 */
'use strict'

const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const vm = require('node:vm')
const { parseArgs } = require('node:util')

const { CookieJar, JSDOM, VirtualConsole } = require('jsdom')

const PACKAGES = { '1.84.3': '@segment/analytics-next', '1.84.1': 'analytics-next-older' }
const API = 'https://api.segment.io/v1/'
const COOKIES = ['ajs_anonymous_id', 'ajs_user_id', 'ajs_group_id']
const FIELDS = [
  'type',
  'anonymousId',
  'userId',
  'groupId',
  'previousId',
  'event',
  'name',
  'category',
  'traits',
  'properties',
]
// What Analytics.js adds to the properties of every page call.
const PAGE_KEYS = ['path', 'referrer', 'search', 'title', 'url']

// Bytes of JSON that all traits of one sequence take together: less than the server remembers.
const TRAITS_BUDGET = 550

net.Socket.prototype.connect = () => {
  throw new Error('the oracle never connects')
}

/* ------------------------------------------------------------------ randomness */

// A 32-bit xorshift whose seed is spread first, so that neighbouring seeds are unlike each other.
function randomFrom(seed) {
  let state = Math.imul((seed ^ 0x9e3779b9) >>> 0, 0x85ebca6b) >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 0x1_0000_0000
  }
  for (let i = 0; i < 16; i += 1) next()
  return next
}

class Dice {
  constructor(seed) {
    this.next = randomFrom(seed)
  }

  between(low, high) {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability) {
    return this.next() < probability
  }

  one(choices) {
    return choices[this.between(0, choices.length - 1)]
  }

  some(choices, count) {
    const left = [...choices]
    const taken = []
    while (taken.length < count && left.length > 0) {
      taken.push(...left.splice(this.between(0, left.length - 1), 1))
    }
    return taken
  }
}

/* ------------------------------------------------------------------ random calls */

// The forms one person's id comes in. No id here is one that the server refuses for everybody
// (null, 0, undefined, ...), nor one that Analytics.js itself reads back from its cookie as another
// value (1e5, [1], numbers beyond 2**53); `vectors/directed.jsonl` has those.
const PEOPLE = [
  ['u-1'],
  ['u-2'],
  ['U-1'],
  [123, '123'],
  [4567, '4567'],
  ['9007199254740991', 9007199254740991],
  ['0042'],
  ['42'],
  [-7],
  ['97980cfea0067'],
  ['3f1c2a52-8a53-4b6d-9f27-0d6a3f7c1e11'],
  ['ann@shop.example'],
  ['żółw'],
  ['用户-7'],
  ['Ünï cödé'],
  ['🦊🦊'],
  ['e\u0301-decomposed'],
  ["o'neil & sons"],
  ['semi;colon, comma=equals'],
  ['100%'],
  ['a%20b'],
  ['back\\slash/slash'],
  ['say "hi"'],
  ['(braces){inside}[too]'],
  ['x'.repeat(90)],
]

const GROUPS = [
  ['g-1'],
  ['g-2'],
  [77, '77'],
  ['0e1d9b'],
  ['Müller GmbH & Co. KG'],
  ['组-1'],
  ['a;b=c'],
]

const DEVICES = [
  '507f191e-810c-4197-9de8-60ea00de8601',
  '507f191e-810c-4197-9de8-60ea00de8602',
  'device-0001',
  'DEVICE-0001',
  'a_b-c_d-e_f',
  '20240117',
  '0123456789abcdef0123456789abcdef',
]

const TRAITS = {
  email: ['ann@shop.example', 'bob@shop.example', 'jürgen@müller.example'],
  name: ['Ann', 'Bob', 'Żaneta', '山田 太郎', '👩‍🚀'],
  plan: ['free', 'premium', null],
  age: [7, 41, 0, -1],
  balance: [0.5, 19.99, -3.25, 1e-7, 1e21],
  vip: [true, false],
  tags: [[], ['a', 'b'], [1, [2, { c: 3 }]]],
  address: [{ city: 'Łódź', zip: '90-001' }, { city: 'Bonn' }, { geo: { lat: 1.5, lon: -2 } }, {}],
  'dotted.key': ['x', ''],
  'ключ': ['значение', 3],
}

const GROUP_TRAITS = {
  name: ['Initech', 'Acme', '株式会社'],
  employees: [1, 329, null],
  plan: ['enterprise', 'free'],
  address: [{ city: 'Bonn' }, { street: { no: 5 } }],
  active: [true, false],
}

const PROPERTIES = {
  revenue: [19.99, 0, 100],
  currency: ['EUR', 'zł'],
  products: [[], [{ sku: 'a-1', quantity: 2 }], [{ sku: 'ü', tags: ['x', null] }]],
  coupon: [null, '', 'WELCOME'],
  first: [true, false],
  anonymousId: ['not-an-identity'],
  userId: ['not-an-identity'],
}

const PAGE_PROPERTIES = {
  ...PROPERTIES,
  title: ['A title'],
  path: ['/given'],
  url: ['https://given.example/'],
  name: ['from properties'],
  category: ['from properties too'],
}

const EVENTS = ['Signed Up', 'Order Completed', 'Bestellung ✓', 'x', 'a.b/c "d"']
const NAMES = ['Home', 'Warenkorb ü', 'A "quoted" one', '1']
const CATEGORIES = ['Docs', 'Ware & mehr', '2']

const VERBS = [
  ...Array(9).fill('identify'),
  ...Array(5).fill('track'),
  ...Array(4).fill('page'),
  ...Array(2).fill('screen'),
  ...Array(4).fill('group'),
  ...Array(3).fill('alias'),
  ...Array(3).fill('reset'),
  ...Array(2).fill('setAnonymousId'),
]

class Author {
  constructor(seed) {
    this.dice = new Dice(seed)
    this.people = this.dice.some(PEOPLE, this.dice.between(1, 3))
    this.groups = this.dice.some(GROUPS, 2)
    this.devices = this.dice.some(DEVICES, 2)
    this.budget = TRAITS_BUDGET
    // Whether anybody said who the visitor is; resetting one nobody knows is a deliberate
    // difference of the server, and never part of a random sequence.
    this.touched = false
  }

  ops() {
    return Array.from({ length: this.dice.between(4, 14) }, () => this.op())
  }

  op() {
    let verb = this.dice.one(VERBS)
    if (verb === 'reset' && !this.touched) verb = 'track'
    const op = { op: verb, ...this[verb]() }
    const bare = verb === 'reset' || verb === 'setAnonymousId'
    if (!bare && this.dice.chance(0.12)) op.anonymousId = this.dice.one(this.devices)
    if (['identify', 'group', 'alias'].includes(verb)) this.touched = true
    if (verb === 'reset') this.touched = false
    return op
  }

  identify() {
    const traits = this.dice.chance(0.6) ? this.traits(TRAITS) : undefined
    if (traits && this.dice.chance(0.35)) return { traits }
    return { id: this.person(), ...(traits && { traits }) }
  }

  track() {
    return { event: this.dice.one(EVENTS), ...this.maybe('properties', PROPERTIES) }
  }

  page() {
    return { ...this.named(), ...this.maybe('properties', PAGE_PROPERTIES) }
  }

  screen() {
    return { ...this.named(), ...this.maybe('properties', PAGE_PROPERTIES) }
  }

  group() {
    const traits = this.dice.chance(0.6) ? this.traits(GROUP_TRAITS) : undefined
    return { id: this.dice.one(this.dice.one(this.groups)), ...(traits && { traits }) }
  }

  alias() {
    return { id: this.person(), ...(this.dice.chance(0.4) && { previousId: this.person() }) }
  }

  reset() {
    return {}
  }

  setAnonymousId() {
    return { anonymousId: this.dice.one(this.devices) }
  }

  person() {
    return this.dice.one(this.dice.one(this.people))
  }

  // Analytics.js cannot say a category without a name.
  named() {
    if (this.dice.chance(0.25)) return {}
    const name = this.dice.one(NAMES)
    return this.dice.chance(0.35) ? { category: this.dice.one(CATEGORIES), name } : { name }
  }

  maybe(key, pool) {
    return this.dice.chance(0.6) ? { [key]: this.fill(pool, this.dice.between(0, 3)) } : {}
  }

  traits(pool) {
    const traits = this.fill(pool, this.dice.between(1, 3))
    const size = Buffer.byteLength(JSON.stringify(traits))
    if (size > this.budget) return undefined
    this.budget -= size
    return traits
  }

  fill(pool, count) {
    const keys = this.dice.some(Object.keys(pool), count)
    return Object.fromEntries(keys.map((key) => [key, this.dice.one(pool[key])]))
  }
}

/* ------------------------------------------------------------------ the real package */

const bundles = new Map()

function bundle(version) {
  if (!bundles.has(version)) {
    const name = PACKAGES[version]
    if (name === undefined) throw new Error(`want one of ${Object.keys(PACKAGES)}, not ${version}`)
    const folder = path.join(__dirname, 'node_modules', name)
    const installed = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).version
    if (installed !== version) throw new Error(`${name} is ${installed}, not ${version}; run npm ci`)
    const file = path.join(folder, 'dist', 'umd', 'index.js')
    bundles.set(version, new vm.Script(fs.readFileSync(file, 'utf8'), { filename: file }))
  }
  return bundles.get(version)
}

async function open(version, seed) {
  const sent = []
  const strays = []
  const virtualConsole = new VirtualConsole()
  for (const level of ['warn', 'error', 'jsdomError']) {
    virtualConsole.on(level, (...what) => strays.push(what.map(String).join(' ')))
  }
  const dom = new JSDOM('<!doctype html><title>Oracle</title>', {
    cookieJar: new CookieJar(),
    runScripts: 'outside-only',
    url: 'http://localhost/',
    virtualConsole,
  })
  const { window } = dom
  window.fetch = async (url, { body }) => {
    if (!url.startsWith(API)) {
      strays.push(`asked for ${url}`)
      throw new Error('offline')
    }
    sent.push(JSON.parse(body))
    return { status: 200, ok: true, headers: { get: () => null } }
  }
  window.XMLHttpRequest = class {
    constructor() {
      strays.push('made an XMLHttpRequest')
      throw new Error('offline')
    }
  }
  const context = dom.getInternalVMContext()
  vm.runInContext('Math', context).random = randomFrom(seed ^ 0x5bd1e995)
  bundle(version).runInContext(context)
  const [analytics] = await window.AnalyticsNext.AnalyticsBrowser.load(
    {
      writeKey: 'oracle',
      cdnSettings: {
        integrations: { 'Segment.io': { apiKey: 'oracle', retryQueue: false } },
        metrics: { sampleRate: 0 },
      },
    },
    { retryQueue: false, useQueryString: false }
  )
  return { analytics, sent, strays, window }
}

// The arguments are made by the window's own JSON, as objects of a page's script would be.
function call(analytics, op, window) {
  const given = window.JSON.parse(JSON.stringify(op))
  const { id, traits, properties, anonymousId } = given
  const options = anonymousId === undefined ? [] : [window.JSON.parse(JSON.stringify({ anonymousId }))]
  const nothing = window.JSON.parse('{}')
  const named = [given.category, given.name].filter((text) => text !== undefined)
  switch (op.op) {
    case 'identify':
      return id === undefined
        ? analytics.identify(traits, ...options)
        : analytics.identify(id, traits, ...options)
    case 'track':
      return analytics.track(given.event, properties, ...options)
    case 'page':
    case 'screen':
      if (properties === undefined && options.length === 0) return analytics[op.op](...named)
      return analytics[op.op](...named, properties ?? nothing, ...options)
    case 'group':
      return analytics.group(id, traits, ...options)
    case 'alias':
      return given.previousId === undefined
        ? analytics.alias(id, ...options)
        : analytics.alias(id, given.previousId, ...options)
    case 'reset':
      return analytics.reset()
    case 'setAnonymousId':
      return analytics.setAnonymousId(anonymousId)
    default:
      throw new Error(`no such op: ${op.op}`)
  }
}

function picked(message, op) {
  const kept = {}
  for (const field of FIELDS) {
    if (message[field] !== undefined) kept[field] = message[field]
  }
  if (kept.type === 'page') {
    for (const key of PAGE_KEYS) {
      if (!(key in (op.properties ?? {}))) delete kept.properties[key]
    }
  }
  return kept
}

// As js-cookie reads a cookie, and Analytics.js after it.
function cookies(document) {
  const held = Object.fromEntries(COOKIES.map((name) => [name, null]))
  for (const pair of document.cookie.split('; ').reverse()) {
    const [name, ...rest] = pair.split('=')
    if (name in held) held[name] = meaning(rest.join('='))
  }
  return held
}

function meaning(raw) {
  const bare = raw.startsWith('"') ? raw.slice(1, -1) : raw
  const text = bare.replace(/(?:%[\da-f]{2})+/gi, decodeURIComponent)
  try {
    const value = JSON.parse(text)
    return typeof value === 'number' ? String(value) : value
  } catch {
    return text
  }
}

async function run(version, seed, ops) {
  const { analytics, sent, strays, window } = await open(version, seed)
  const steps = []
  try {
    for (const op of ops) {
      await call(analytics, op, window)
      analytics.user().anonymousId()
      const messages = sent.splice(0).map((message) => picked(message, op))
      const expected = op.op === 'reset' || op.op === 'setAnonymousId' ? 0 : 1
      if (messages.length !== expected) throw new Error(`${op.op} sent ${messages.length} messages`)
      steps.push({ messages, cookies: cookies(window.document) })
    }
  } finally {
    window.close()
  }
  if (strays.length > 0) throw new Error(`seed ${seed}: ${strays.join('; ')}`)
  return steps
}

/* ------------------------------------------------------------------ the command */

function* wanted({ version, seed, count, replay }) {
  if (replay !== undefined) {
    const text = fs.readFileSync(replay === '-' ? 0 : replay, 'utf8')
    for (const line of text.split('\n').filter(Boolean)) {
      const { steps, ...sequence } = JSON.parse(line)
      yield sequence
    }
    return
  }
  for (let each = Number(seed); each < Number(seed) + Number(count); each += 1) {
    yield { seed: each, version, ops: new Author(each).ops() }
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      version: { type: 'string', default: '1.84.3' },
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '1' },
      replay: { type: 'string' },
    },
  })
  for (const sequence of wanted(values)) {
    const steps = await run(sequence.version, sequence.seed, sequence.ops)
    fs.writeSync(1, JSON.stringify({ ...sequence, steps }) + '\n')
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
