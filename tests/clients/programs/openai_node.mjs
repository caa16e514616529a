// The openai package for Node: chat, Responses, conversations. Prints one JSON object of results.
import OpenAI from "openai";

const MODEL = "scripted";
const SAY = "one two three";
const ASK = "What is the weather in Paris?";
const DESCRIBE = "Ada is 36";
const WEATHER = "21 degrees";
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const FUNCTION = {
  name: "get_weather",
  description: "Get the current weather for a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};
const TOOLS = [{ type: "function", function: FUNCTION }];
const FLAT_TOOLS = [{ type: "function", ...FUNCTION }];

const client = new OpenAI();
const user = (content) => [{ role: "user", content }];
const counted = (usage) => ({ prompt: usage.prompt_tokens, completion: usage.completion_tokens });

const scenarios = {
  async chat() {
    const answer = await client.chat.completions.create({ model: MODEL, messages: user(SAY) });
    return { text: answer.choices[0].message.content, usage: counted(answer.usage) };
  },
  async stream() {
    const options = { stream_options: { include_usage: true } };
    const stream = client.chat.completions.stream({ model: MODEL, messages: user(SAY), ...options });
    let text = "";
    stream.on("content", (delta) => (text += delta));
    const usage = counted((await stream.finalChatCompletion()).usage);
    return { text, usage };
  },
  async tool() {
    const messages = user(ASK);
    const stream = client.chat.completions.stream({ model: MODEL, messages, tools: TOOLS });
    const message = (await stream.finalChatCompletion()).choices[0].message;
    const call = message.tool_calls[0];
    const told = { role: "tool", tool_call_id: call.id, content: WEATHER };
    const answer = await client.chat.completions.create({
      model: MODEL,
      messages: [...messages, message, told],
      tools: TOOLS,
    });
    const { city } = JSON.parse(call.function.arguments);
    return { name: call.function.name, city, text: answer.choices[0].message.content };
  },
  async structured() {
    const answer = await client.chat.completions.create({
      model: MODEL,
      messages: user(DESCRIBE),
      response_format: {
        type: "json_schema",
        json_schema: { name: "person", schema: PERSON, strict: true },
      },
    });
    return JSON.parse(answer.choices[0].message.content);
  },
  async missing_model() {
    const call = client.chat.completions.create({ model: "no-such-model", messages: user(SAY) });
    return call.then(() => ({}), refusal(OpenAI.NotFoundError));
  },
  async wrong_key() {
    const stranger = new OpenAI({ apiKey: "sk-" + "x".repeat(42) });
    return stranger.models.list().then(() => ({}), refusal(OpenAI.AuthenticationError));
  },
  async responses() {
    const first = await client.responses.create({ model: MODEL, input: SAY });
    const stream = client.responses.stream({
      model: MODEL,
      input: "four five",
      previous_response_id: first.id,
    });
    let streamed = "";
    stream.on("response.output_text.delta", (event) => (streamed += event.delta));
    const second = await stream.finalResponse();
    const found = await client.responses.retrieve(first.id);
    await client.responses.delete(first.id);
    return {
      text: first.output_text,
      streamed,
      continued: second.previous_response_id === first.id,
      kept: found.output[0].content[0].text,
      usage: first.usage,
    };
  },
  async response_tool() {
    const asked = await client.responses.create({ model: MODEL, input: ASK, tools: FLAT_TOOLS });
    const call = asked.output.find((item) => item.type === "function_call");
    const told = { type: "function_call_output", call_id: call.call_id, output: WEATHER };
    const answer = await client.responses.create({
      model: MODEL,
      input: [told],
      previous_response_id: asked.id,
      tools: FLAT_TOOLS,
    });
    return { name: call.name, city: JSON.parse(call.arguments).city, text: answer.output_text };
  },
  async response_structured() {
    const format = { type: "json_schema", name: "person", schema: PERSON, strict: true };
    const answer = await client.responses.create({ model: MODEL, input: DESCRIBE, text: { format } });
    return JSON.parse(answer.output_text);
  },
  async conversations() {
    const made = await client.conversations.create({ metadata: { topic: "numbers" } });
    await client.responses.create({ model: MODEL, input: SAY, conversation: made.id });
    const kinds = [];
    for await (const item of client.conversations.items.list(made.id, { order: "asc" })) {
      kinds.push(item.type);
    }
    const { topic } = (await client.conversations.retrieve(made.id)).metadata;
    await client.conversations.delete(made.id);
    return { kinds, topic };
  },
};

function refusal(kind) {
  return (error) => {
    if (!(error instanceof kind)) throw error;
    return { status: error.status, code: error.code, id: error.requestID };
  };
}

const results = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  results[name] = await scenario().catch((error) => ({ failed: `${error.stack}` }));
}
console.log(JSON.stringify(results));
