// Answers what stands in standard input, a list of simulations of
// @cloud-copilot/iam-simulate, with a list of "Allowed", "ImplicitlyDenied",
// "ExplicitlyDenied" or the error. The first argument is the folder that has
// node_modules. That program is a second opinion for developers: no test needs it.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const require = createRequire(process.argv[2] + '/')
const { runSimulation } = require('@cloud-copilot/iam-simulate')
const answers = []
for (const simulation of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    const answer = await runSimulation(simulation, {})
    answers.push(answer.overallResult ?? answer.result ?? answer.analysis?.result ?? 'error: ' + JSON.stringify(answer.errors ?? answer).slice(0, 600))
  } catch (error) {
    answers.push('error: ' + error)
  }
}
console.log(JSON.stringify(answers))
