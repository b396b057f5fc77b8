// Sends a form as the request that it describes, and shows the answer as it comes.
for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const shown = form.querySelector("pre");
    let path = form.dataset.path;
    const query = new URLSearchParams();
    for (const field of form.querySelectorAll("[data-in]")) {
      if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
      else if (field.value !== "") query.set(field.name, field.value);
    }
    const request = { method: form.dataset.verb };
    const body = form.elements.namedItem("body");
    if (body !== null && body.value.trim() !== "") {
      request.body = body.value;
      request.headers = { "Content-Type": "application/json" };
    }
    try {
      const answer = await fetch(query.size ? `${path}?${query}` : path, request);
      shown.textContent = `${answer.status} ${answer.statusText}\n`;
      if ((answer.headers.get("Content-Type") ?? "").startsWith("application/json")) {
        shown.textContent += JSON.stringify(await answer.json(), null, 2);
        return;
      }
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await text.read(); !part.done; part = await text.read()) shown.textContent += part.value;
    } catch (error) {
      shown.textContent = String(error);
    }
  });
}
