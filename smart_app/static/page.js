(() => { // pages work without it
const d = document, h = d.documentElement, list = h.classList, on = addEventListener
const $ = (s, o = d) => o.querySelector(s), $$ = s => [...d.querySelectorAll(s)]
const form = $('[data-draft]'), exit = $('[data-exit]')
list.add('js')
history.replaceState(0, '') // drops a post
$('[data-go]')?.submit()

// Out: blank first.
const blank = () => h.replaceChildren(), out = to => { blank(); location.replace(to) }
on('click', e => {
  const a = e.target.closest('[data-out]')
  if (a) { e.preventDefault(); out(a.href) }
})
on('pagehide', blank)
// Back from elsewhere leaves.
on('pageshow', e => {
  const a = self.navigation?.activation
  exit && a?.navigationType == 'traverse' && !a.from ? out(exit.href) : e.persisted && location.reload()
})

// Idle pages are covered.
let idle
const wake = e => {
  if (list.contains('covered') && e.key != 'Shift') {
    list.remove('covered'); e.preventDefault(); e.stopImmediatePropagation()
  }
  clearTimeout(idle)
  idle = setTimeout(() => list.add('covered'), 3e5)
}
exit && ['keydown', 'pointerdown', 'load'].map(t => on(t, wake, true))

// Ten minutes' notice.
const ends = $('[data-left]'), end = Date.now() + ends?.dataset.left * 1e3
ends && setInterval(() => {
  const left = end - Date.now()
  ends.hidden = left > 6e5
  left < 0 && out(location.pathname)
}, 5e3)

// [[name, yes, value, signs of the difference]]
const holds = ([name, yes, v, signs]) => yes == [...d.getElementsByName(name)].some(c =>
  !c.closest('[hidden]') && (c.checked || !/^[rc]/.test(c.type)) && !/^(pass)?$/.test(c.value) &&
  (!signs || signs.includes(c.value == v ? 0 : Math.sign(c.value - v))))
const reveal = () => {
  for (let n = 9; n--;) $$('[data-when]').map(f =>
    f.hidden = !JSON.parse(f.dataset.when)[f.dataset.by](holds))
}
reveal()
on('input', reveal)

// From the first yes on, kept.
let held = $('[data-held]')
form?.addEventListener('change', () => {
  if (held ||= $('[data-key=y]:checked', form)) fetch(form.dataset.draft, {
    method: 'POST', keepalive: true, body: new URLSearchParams(new FormData(form))
  }).catch(() => {})
})

// Y, N, P answer.
const items = () => $$('.item').filter(f => !f.closest('[hidden], details:not([open])'))
let shifts = 0, last = 0
on('keydown', e => {
  const key = e.key?.toLowerCase(), at = e.target
  if (key == 'shift') {
    shifts = e.repeat || e.timeStamp - last > 1e3 ? 1 : shifts + 1
    last = e.timeStamp
    return shifts > 2 && exit && out(exit.href)
  }
  shifts = 0
  if (!$('#keys:checked') || !/^[ynp]$/.test(key) || e.ctrlKey || e.metaKey || e.altKey ||
    at.matches('select, textarea, input:not([type=radio], [type=checkbox])')) return
  const item = at.closest('.item') || items().find(f => !$(':checked', f))
  const choice = item && $(`[data-key=${key}]`, item)
  if (!choice) return
  e.preventDefault()
  choice.click()
  const next = items()[items().indexOf(item) + 1]
  $(next ? '[name]' : '.primary', next)?.focus()
})
$('.mistakes')?.focus()
})()
