(() => { // asks the browser for a key
const form = document.querySelector('[data-key]'), note = document.querySelector('[data-note]')
if (!form) return
const { answer } = form.elements, options = JSON.parse(form.dataset.key)
const bytes = s => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
const text = b => b && btoa(String.fromCharCode(...new Uint8Array(b)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const known = list => (list || []).map(k => ({ ...k, id: bytes(k.id) }))
const publicKey = { ...options, challenge: bytes(options.challenge) }
const make = options.user
if (make) {
  publicKey.user = { ...make, id: bytes(make.id) }
  publicKey.excludeCredentials = known(options.excludeCredentials)
} else publicKey.allowCredentials = known(options.allowCredentials)

form.addEventListener('submit', async e => {
  if (answer.value) return
  e.preventDefault()
  note.hidden = true
  try {
    const keys = navigator.credentials
    const { id, type, response: r } = await (make ? keys.create({ publicKey }) : keys.get({ publicKey }))
    const given = make
      ? { attestationObject: text(r.attestationObject) }
      : { authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: text(r.userHandle) }
    answer.value = JSON.stringify({
      id, rawId: id, type, response: { clientDataJSON: text(r.clientDataJSON), ...given }
    })
    form.submit()
  } catch {
    note.hidden = false
  }
})
})()
