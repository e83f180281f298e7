// Reads a JSON list of {expression, resource, names} from stdin; answers what fhirpath.js gives for each: a list
// of values, or {error}.
import fhirpath from 'fhirpath'
import r4 from 'fhirpath/fhir-context/r4/index.js'

let given = ''
for await (const part of process.stdin) given += part

const compiled = new Map()
function compile (expression) {
  if (!compiled.has(expression)) compiled.set(expression, fhirpath.compile(expression, r4, { preciseMath: true }))
  return compiled.get(expression)
}
const answers = JSON.parse(given).map(({ expression, resource, names }) => {
  try {
    return compile(expression)(resource, names)
  } catch (fault) {
    return { error: fault.message }
  }
})
process.stdout.write(JSON.stringify(answers))
