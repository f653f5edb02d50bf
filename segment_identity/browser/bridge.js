/*
 * Keeps one identity in a page and on the server.
 *
 * How this works
 * --------------
 * The server says what it did to the identity in the cookie ajs_sync. This script takes that over and
 * deletes the cookie, and from then on the browser has the say again. What the server said is either
 * settled, and wins, or tentative (a fresh or a restored id): then an older anonymousId in
 * localStorage wins, and the server is told which id it replaced.
 *
 * Cookies are shared between tabs and, with a domain, between hosts; localStorage only between tabs;
 * and a running Analytics.js remembers the ids a third time, in its own page. So the cookies count
 * wherever they hold an anonymousId, and the other two are made to follow them: when the page opens
 * or is seen again, and before every call of Analytics.js, in whatever order that reads its stores.
 * Not when the browser says that a cookie changed: another tab, where somebody may be making the next
 * change, would write at the same moment. Only a page without Analytics.js, which makes none, does.
 *
 * Nothing of the visitor is printed into the page; `ending` is how the site writes its cookies.
 * What pages get is bridge.min.js, made of this by tests/conformance/minify.cjs.
 */
(window, document, ending) => {
  if (window.segmentIdentity) return

  // Three ids, and the traits of the user and of the group, which are in localStorage only.
  const keys = ['anonymous_id', 'user_id', 'group_id', 'user_traits', 'group_properties'].map(
    (name) => 'ajs_' + name,
  )
  let analytics, user, group, plugin
  // The ids that this page knows, and so does the Analytics.js that runs in it.
  let known = []
  // The ids that the app has heard of.
  let told = []

  // Storage may be blocked, and then every use of it throws.
  const attempt = (act) => {
    try {
      return act()
    } catch (error) {}
  }

  const parse = (text) => attempt(() => JSON.parse(text))
  const json = JSON.stringify

  // Most are absent, and to find that out by an error would take longer than all the rest.
  const cookie = (name) =>
    attempt(() =>
      decodeURIComponent((document.cookie.match('(^|; )' + name + '=([^;]*)') || [, , ''])[2]),
    )

  const write = (name, text) => {
    document.cookie = name + '=' + (text ? encodeURIComponent(text) + ending : ending + ';max-age=0')
  }

  const storage = () => localStorage
  const stored = (key) => attempt(() => storage().getItem(key))

  // What cannot be written is removed at least, as a stale id would come back.
  const store = (key, value) =>
    attempt(() => {
      storage().removeItem(key)
      if (value) storage().setItem(key, json(value))
    })

  // Ids as Analytics.js reads them: plain or JSON texts, but that numbers keep their digits.
  const held = (read) =>
    keys.slice(0, 3).map((key) => {
      const text = read(key)
      return (/^("|null$)/.test(text) ? parse(text) : text) || null
    })

  // After a reset localStorage may still look full to another tab, and must not bring anybody back.
  const current = (cookies = held(cookie)) =>
    cookies[0] || cookie('ajs_reset') ? cookies : held(stored)
  const differ = (some, others) => some.some((one, i) => one != others[i])
  const each = (names, act) => names.split(' ').forEach(act)

  const tell = (ids) => {
    if (differ(ids, told)) {
      told = ids
      document.dispatchEvent(new Event('segmentidentity'))
    }
  }

  const sync = () =>
    attempt(() => {
      const cookies = held(cookie)
      const older = held(stored)
      const { anonymousId, userId, groupId, settled } = parse(cookie('ajs_sync')) || {}
      // Settled without any id: there is no consent any more, and everything goes.
      const heard = settled || anonymousId
      let ids = current(cookies)
      let answer
      if (heard) {
        ids = [anonymousId, userId, groupId]
        if (!settled) {
          if (older[0] && older[0] != anonymousId) {
            answer = json({ replaced: anonymousId })
            ids = older
          } else ids = ids.map((now, i) => older[i] || now)
        }
      }
      // Traits stay when an anonymous visitor gets a name, and go with whom they belong to.
      if (older[1] ? older[1] != ids[1] : older[0] != ids[0]) store(keys[3])
      if (older[2] != ids[2]) store(keys[4])
      ids.forEach((now, i) => {
        // Only the server and Analytics.js may set cookies, as both heed what was consented to.
        // They would be read as numbers, and perhaps as other ones, if numbers were not quoted.
        if (now != cookies[i] && (heard || user)) write(keys[i], now && !isNaN(now) ? json(now) : now)
        if (now != older[i]) store(keys[i], now)
      })
      if (heard) write('ajs_sync', answer)
      if (user && differ(ids, known)) {
        // In this order, as another user's id would replace the anonymousId.
        user.id(ids[1])
        user.anonymousId(ids[0])
        group.id(ids[2])
        user.traits(parse(stored(keys[3])) || {})
        group.traits(parse(stored(keys[4])) || {})
      }
      known = ids
      tell(ids)
      use(window.analytics)
    })

  // Tell the server that the page forgot the visitor; what it said before is void.
  const leave = () => {
    write('ajs_sync')
    write('ajs_reset', '1')
    known = current()
  }

  const attach = async (context, instance) => {
    analytics = instance
    user = analytics.user()
    group = analytics.group()
    analytics.on('reset', leave)
    each('identify track page screen group alias reset setAnonymousId user', (verb) => {
      const call = analytics[verb]
      analytics[verb] = (...given) => {
        sync()
        const result = call.apply(analytics, given)
        known = current()
        return result
      }
    })
    known = []
    sync()
  }

  // A plugin meets Analytics.js, loaded or still to come, before the calls that wait for it.
  const use = (found) => {
    if (plugin || !found) return
    plugin = { name: 'identity', type: 'utility', isLoaded: () => true, load: attach }
    if (found.push) found.push(['register', plugin])
    else found.register(plugin)
  }

  window.segmentIdentity = {
    use,
    ids: (ids = current()) => ({ anonymousId: ids[0], userId: ids[1], groupId: ids[2] }),
    reset: () => {
      if (analytics) return analytics.reset()
      // Of traits there are no cookies, and deleting none does no harm.
      keys.forEach((key) => {
        write(key)
        store(key)
      })
      leave()
    },
  }

  sync()
  each('DOMContentLoaded pageshow focus visibilitychange', (event) =>
    window.addEventListener(event, sync),
  )
  attempt(() =>
    window.cookieStore.addEventListener('change', () => (user ? tell(current()) : sync())),
  )
}
