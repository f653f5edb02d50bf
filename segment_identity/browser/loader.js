/*
 * Loads Analytics.js, and makes the calls that waited for this page.
 *
 * How this works
 * --------------
 * Until Analytics.js is there, an array stands for it and queues what the page calls, each call with
 * the page as it is then. Segment's own bundle finds the array, its key and its options by itself
 * (`_writeKey`, `_loadOptions`, `_cdn`). The bundle in the npm package, served by the site, leaves
 * `AnalyticsNext` behind and is started here, with settings that need not be fetched from anywhere.
 *
 * The calls that waited are for one anonymousId. A page may be shown again from a cache, and to
 * somebody else from a shared one; so they are made only where the cookies name that id, and once:
 * localStorage keeps their messageIds.
 *
 * `node tests/conformance/minify.cjs` makes loader.min.js, which is what pages get.
 */
(given) => {
  const queue = (window.analytics = window.analytics || [])
  // Analytics.js, or this script, is there already.
  if (!Array.isArray(queue) || queue.invoked) return
  queue.invoked = true

  const recording = ['track', 'page', 'identify', 'group', 'screen', 'alias']
  const others = [
    'addDestinationMiddleware',
    'addSourceMiddleware',
    'debug',
    'deregister',
    'off',
    'on',
    'once',
    'pageview',
    'ready',
    'register',
    'reset',
    'setAnonymousId',
    'trackClick',
    'trackForm',
    'trackLink',
    'trackSubmit',
  ]

  // The page as Analytics.js takes it from the end of a queued call.
  const here = () => {
    const canonical = document.querySelector('link[rel=canonical]')
    return {
      __t: 'bpc',
      c: (canonical && canonical.getAttribute('href')) || undefined,
      p: location.pathname,
      u: location.href,
      s: location.search,
      t: document.title,
      r: document.referrer,
    }
  }

  for (const method of recording.concat(others))
    queue[method] = (...args) => {
      // Somebody kept a reference to this function.
      if (window.analytics != queue) return window.analytics[method](...args)
      if (recording.includes(method)) args.push(here())
      queue.push([method, ...args])
      return queue
    }

  // Storage may be blocked, and then every use of it throws.
  const attempt = (act) => {
    try {
      return act()
    } catch (error) {}
  }

  // Another id in another cookie may hold this one; only a page from a shared cache would care.
  const names = (anonymousId) =>
    document.cookie
      .split('; ')
      .some((pair) => attempt(() => decodeURIComponent(pair).includes(anonymousId)))

  const replay = (waiting) => {
    const key = 'ajs_pending'
    const made = [].concat(attempt(() => JSON.parse(localStorage.getItem(key))) || []).slice(-50)
    for (const [method, ...args] of waiting.calls) {
      const options = args[args.length - 1]
      if (made.includes(options.messageId)) continue
      made.push(options.messageId)
      options.timestamp = new Date(options.timestamp)
      queue[method](...args)
    }
    attempt(() => localStorage.setItem(key, JSON.stringify(made)))
  }

  // A path is one of this site's own.
  const collector = new URL(given.collector, location.href)
  const pipeline = {
    apiHost: collector.host + collector.pathname.replace(/\/$/, ''),
    protocol: collector.protocol.slice(0, -1),
  }
  const options = Object.assign({}, given.options)
  options.integrations = Object.assign({ 'Segment.io': pipeline }, options.integrations)
  const cdn = given.cdn || location.origin

  const drain = (analytics) => {
    for (const [method, ...args] of queue.splice(0)) analytics[method](...args)
  }

  // Calls made while it starts wait for it, too.
  const start = () => {
    if (!window.AnalyticsNext) return
    const settings = { writeKey: given.writeKey, cdnURL: cdn, cdnSettings: given.settings }
    const starting = window.AnalyticsNext.AnalyticsBrowser.load(settings, options)
    drain(starting)
    starting.then(([analytics]) => {
      window.analytics = analytics
      setTimeout(() => drain(analytics))
    })
  }

  queue._writeKey = given.writeKey
  queue._loadOptions = options
  queue._cdn = cdn
  if (window.segmentIdentity) window.segmentIdentity.use(queue)
  const waiting = given.pending
  if (waiting && attempt(() => names(waiting.anonymousId))) replay(waiting)
  if (given.page) queue.page({}, given.page)

  const script = document.createElement('script')
  script.async = true
  script.src = given.script
  script.onload = start
  // A policy that names no origins lets in what carries the nonce of this script.
  const { nonce } = document.currentScript || {}
  if (nonce) script.nonce = nonce
  document.head.append(script)
}
