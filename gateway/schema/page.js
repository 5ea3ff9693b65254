"use strict";
// Shows the OpenAPI document of this server and sends requests to it. Text is only ever set as
// text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
let token = sessionStorage.getItem("token") || "";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick" || name === "onsubmit") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function resolve(document_, schema) {
  if (schema && schema.$ref) {
    return schema.$ref.split("/").slice(1).reduce((found, name) => found[name], document_);
  }
  return schema || {};
}

function typeOf(document_, schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  const found = resolve(document_, schema);
  if (found.oneOf || found.anyOf) {
    return (found.oneOf || found.anyOf).map((one) => typeOf(document_, one)).join(" or ");
  }
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in found) return JSON.stringify(found.const);
  if (found.type === "array") return "list of " + typeOf(document_, found.items || {});
  const kind = Array.isArray(found.type) ? found.type.join(" or ") : found.type || "any";
  return found.format ? kind + " (" + found.format + ")" : kind;
}

function sample(document_, schema, depth = 0) {
  const found = resolve(document_, schema);
  if (depth > 6) return null;
  if (found.examples && found.examples.length) {
    const first = found.examples[0];
    return first && typeof first === "object" && "value" in first ? first.value : first;
  }
  if ("default" in found) return found.default;
  if ("const" in found) return found.const;
  if (found.enum) return found.enum[0];
  if (found.oneOf || found.anyOf) {
    return sample(document_, (found.oneOf || found.anyOf)[0], depth + 1);
  }
  if (found.properties) {
    const required = new Set(found.required || []);
    const object = {};
    for (const [name, property] of Object.entries(found.properties)) {
      if (required.has(name) || depth > 0) object[name] = sample(document_, property, depth + 1);
    }
    return object;
  }
  if (found.type === "array") return [];
  if (found.type === "integer" || found.type === "number") return found.minimum || 0;
  if (found.type === "boolean") return false;
  if (found.type === "object") return {};
  return "";
}

function fieldsTable(document_, schema) {
  const found = resolve(document_, schema);
  if (!found.properties) return make("p", {}, make("code", {}, typeOf(document_, schema)));
  const required = new Set(found.required || []);
  const rows = Object.entries(found.properties).map(([name, property]) =>
    make("tr", {},
      make("td", {}, make("code", {}, name), required.has(name) ? " *" : ""),
      make("td", {}, typeOf(document_, property)),
      make("td", { class: "mute" }, resolve(document_, property).description || "")));
  return make("table", {}, make("tbody", {}, ...rows));
}

function responses(document_, operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const [kind, content] = Object.entries(response.content || {})[0] || ["", {}];
    const shape = content.schema && content.schema.$ref
      ? make("details", {}, make("summary", {}, typeOf(document_, content.schema)),
        fieldsTable(document_, content.schema))
      : make("span", {}, kind);
    return make("tr", {}, make("td", {}, status), make("td", {}, response.description || ""),
      make("td", {}, shape));
  });
  return make("table", {}, make("tbody", {}, ...rows));
}

function inputFor(parameter) {
  const id = "p" + Math.random().toString(36).slice(2);
  const input = make("input", { type: "text", id });
  return {
    parameter, input,
    row: make("div", { class: "row" },
      make("label", { for: id }, make("code", {}, parameter.name), parameter.required ? " *" : ""),
      input),
  };
}

function bodyInputs(document_, operation) {
  const content = (operation.requestBody || {}).content || {};
  if (content["multipart/form-data"]) {
    const fields = Object.keys(content["multipart/form-data"].schema.properties);
    const inputs = fields.map((name) => [name, make("input", {
      type: name === "file" ? "file" : "text", "aria-label": name })]);
    return {
      rows: inputs.map(([name, input]) =>
        make("div", { class: "row" }, make("span", {}, make("code", {}, name)), input)),
      read() {
        const form = new FormData();
        for (const [name, input] of inputs) {
          if (input.type === "file") {
            if (input.files[0]) form.append(name, input.files[0]);
          } else if (input.value) form.append(name, input.value);
        }
        return [form, null];
      },
    };
  }
  const [kind, media] = Object.entries(content)[0] || [];
  if (!kind) return { rows: [], read: () => [undefined, null] };
  const area = make("textarea", { "aria-label": "JSON body", spellcheck: "false" });
  area.value = JSON.stringify(sample(document_, media.schema), null, 2);
  return { rows: [area], read: () => [area.value, kind] };
}

async function send(path, method, inputs, body, shown) {
  let url = path;
  const query = new URLSearchParams();
  const headers = {};
  for (const { parameter, input } of inputs) {
    if (!input.value) continue;
    if (parameter.in === "path") {
      url = url.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
    } else if (parameter.in === "query") query.set(parameter.name, input.value);
    else if (parameter.in === "header") headers[parameter.name] = input.value;
  }
  if (token) headers.Authorization = "Bearer " + token;
  const [content, kind] = body.read();
  if (kind) headers["Content-Type"] = kind;
  const target = query.toString() ? url + "?" + query : url;
  shown.textContent = "…";
  try {
    const answer = await fetch(target, { method: method.toUpperCase(), headers, body: content });
    await show(answer, shown);
  } catch (error) {
    shown.textContent = "The request was not answered: " + error.message;
  }
}

async function show(answer, shown) {
  shown.textContent = answer.status + " " + answer.statusText + "\n\n";
  const kind = answer.headers.get("content-type") || "";
  if (kind.includes("json")) {
    shown.textContent += JSON.stringify(await answer.json(), null, 2);
  } else if (kind.startsWith("text/") && answer.body) {
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      shown.textContent += decoder.decode(piece.value, { stream: true });
    }
  } else {
    const blob = await answer.blob();
    shown.textContent += kind + ", " + blob.size + " bytes";
  }
}

function operationSection(document_, path, method, operation) {
  const inputs = (operation.parameters || []).map(inputFor);
  const body = bodyInputs(document_, operation);
  const shown = make("pre", { "aria-live": "polite" });
  const form = make("form", {
    onsubmit(event) {
      event.preventDefault();
      if (!shown.isConnected) form.append(shown);
      send(path, method, inputs, body, shown);
    },
  }, ...inputs.map((one) => one.row), ...body.rows, make("p", {}, make("button", {}, "Send")));
  const json = ((operation.requestBody || {}).content || {})["application/json"];
  return make("section", { id: operation.operationId },
    make("h3", {}, make("span", { class: "method " + method }, method.toUpperCase()),
      make("span", { class: "path" }, path)),
    make("p", {}, make("strong", {}, operation.summary || "")),
    make("p", {}, operation.description || ""),
    json ? make("details", {}, make("summary", {}, "Body"), fieldsTable(document_, json.schema)) : null,
    make("details", {}, make("summary", {}, "Answers"), responses(document_, operation)),
    make("details", {}, make("summary", {}, "Try it"), form));
}

function accountForm() {
  const email = make("input", { type: "text", placeholder: "e-mail", "aria-label": "e-mail" });
  const password = make("input", {
    type: "password", placeholder: "password", "aria-label": "password" });
  const state = make("span", { class: "mute" }, token ? "A token is kept in this tab." : "");
  const form = make("form", {
    class: "account",
    async onsubmit(event) {
      event.preventDefault();
      const answer = await fetch("/api/v2/auth/login", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ email: email.value, password: password.value }),
      });
      const found = await answer.json();
      token = answer.ok ? found.access_token : "";
      sessionStorage.setItem("token", token);
      state.textContent = answer.ok ? "Logged in for " + found.expires_in + " s." : found.detail;
      state.className = answer.ok ? "mute" : "bad";
    },
  }, email, password, make("button", {}, "Log in"), state);
  return form;
}

function render(document_) {
  const operations = Object.entries(document_.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => [path, method, methods[method]]));
  const links = [];
  const sections = [];
  for (const tag of document_.tags || []) {
    const tagged = operations.filter(([, , operation]) => (operation.tags || []).includes(tag.name));
    links.push(make("h2", {}, tag.name));
    sections.push(make("h2", {}, tag.name), make("p", { class: "mute" }, tag.description || ""));
    for (const [path, method, operation] of tagged) {
      links.push(make("a", { href: "#" + operation.operationId },
        make("span", { class: "method " + method }, method.toUpperCase()), operation.summary));
      sections.push(operationSection(document_, path, method, operation));
    }
  }
  document.title = document_.info.title + " API";
  document.body.replaceChildren(make("div", { class: "page" },
    make("nav", { "aria-label": "Operations" }, make("strong", {}, document_.info.title), ...links),
    make("main", {},
      make("h1", {}, document_.info.title + " API " + document_.info.version),
      make("p", {}, document_.info.description || ""),
      make("p", {}, make("a", { href: "/schema/openapi.json" }, "openapi.json"), " · ",
        make("a", { href: "/schema/openapi.yaml" }, "openapi.yaml")),
      accountForm(), ...sections)));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/schema/openapi.json")
  .then((answer) => answer.json())
  .then(render)
  .catch((error) => { document.body.textContent = "The API description did not load: " + error; });
