// Reads a JSON list of policies from stdin, answers the findings of csp_evaluator for each, as JSON.
import evaluator from 'csp_evaluator/dist/evaluator.js'
import finding from 'csp_evaluator/dist/finding.js'
import parser from 'csp_evaluator/dist/parser.js'

const { CspEvaluator, DEFAULT_CHECKS, STRICTCSP_CHECKS } = evaluator

let given = ''
for await (const part of process.stdin) given += part
const answers = JSON.parse(given).map(policy =>
  new CspEvaluator(new parser.CspParser(policy).csp)
    .evaluate([], [...DEFAULT_CHECKS, ...STRICTCSP_CHECKS])
    .map(found => ({
      type: finding.Type[found.type],
      severity: finding.Severity[found.severity],
      directive: found.directive,
      value: found.value ?? null,
      words: found.description,
    })))
process.stdout.write(JSON.stringify(answers))
