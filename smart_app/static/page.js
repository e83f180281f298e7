// Pages work without it.
(() => {
const d = document, h = d.documentElement, list = h.classList, $ = (s, o = d) => o.querySelector(s)
const form = $('form[data-draft]'), exit = $('[data-exit]')
list.add('js')
history.replaceState(0, '') // drops a posted body

$('[data-go]')?.submit()

// Out: blank first.
const out = to => { h.replaceChildren(); location.replace(to) }
addEventListener('click', e => {
  const a = e.target.closest('[data-out]')
  if (a) { e.preventDefault(); out(a.href) }
})
addEventListener('pagehide', () => h.replaceChildren())
// Back from elsewhere leaves.
addEventListener('pageshow', e => {
  const a = self.navigation?.activation
  exit && a?.navigationType == 'traverse' && !a.from ? out(exit.href) : e.persisted && location.reload()
})

// Idle pages are covered.
let idle
const wake = e => {
  if (list.contains('covered') && e.key !== 'Shift') {
    list.remove('covered'); e.preventDefault(); e.stopImmediatePropagation()
  }
  clearTimeout(idle)
  idle = setTimeout(() => list.add('covered'), 3e5)
}
exit && ['keydown', 'pointerdown', 'load'].forEach(t => addEventListener(t, wake, true))

// Ten minutes' notice.
const ends = $('[data-left]'), end = Date.now() + ends?.dataset.left * 1e3
if (ends) setInterval(() => {
  const left = end - Date.now()
  ends.hidden = left > 6e5
  left < 0 && out(location.pathname)
}, 5e3)

// data-when="name=value …"
const chosen = s => { const [n, v] = s.split('='); return $(`[name="${n}"][value="${v}"]:checked`) }
const reveal = () => d.querySelectorAll('[data-when]').forEach(f => {
  const all = f.dataset.when.split(' ')
  f.hidden = !('any' in f.dataset ? all.some(chosen) : all.every(chosen))
})
reveal()

// From the first yes on, kept.
let held = form && 'held' in form.dataset
form?.addEventListener('change', () => {
  reveal()
  held ||= !!$('[data-key=y]:checked', form)
  if (held) fetch(form.dataset.draft, {
    method: 'POST', keepalive: true, body: new URLSearchParams(new FormData(form))
  }).catch(() => {})
})

// Y, N, P answer the item in focus or the next.
const items = () => [...d.querySelectorAll('.item')].filter(f => !f.hidden && !f.closest('details:not([open])'))
const answer = e => {
  const item = e.target.closest('.item') || items().find(f => !$(':checked', f))
  const choice = item && $(`[data-key=${e.key.toLowerCase()}]`, item)
  if (!choice) return
  e.preventDefault()
  choice.click()
  const all = items(), next = all[all.indexOf(item) + 1]
  ;(next ? $('input', next) : $('.primary', form)).focus()
}
let shifts = 0, last = 0
addEventListener('keydown', e => {
  if (e.key === 'Shift') {
    shifts = e.repeat || e.timeStamp - last > 1000 ? 1 : shifts + 1
    last = e.timeStamp
    if (shifts > 2 && exit) out(exit.href)
    return
  }
  shifts = 0
  if (form && $('#keys')?.checked && /^[ynp]$/i.test(e.key) && !e.ctrlKey && !e.metaKey && !e.altKey &&
    !e.target.matches('select, input:not([type=radio], [type=checkbox])')) answer(e)
})
$('.mistakes')?.focus()
})()
