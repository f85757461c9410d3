// Reads an OpenAPI document from standard input and exits 1 with its faults if
// it has any.
import { Validator } from '@seriousme/openapi-schema-validator';

let text = '';
for await (const chunk of process.stdin) text += chunk;
const validator = new Validator();
const result = await validator.validate(JSON.parse(text));
if (!result.valid || validator.version !== '3.1') {
  console.error(validator.version, JSON.stringify(result.errors, null, 2));
  process.exit(1);
}
