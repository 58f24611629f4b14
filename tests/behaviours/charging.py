"""Servers that report the usage of a call in many forms, or not at all."""

from tests.behaviours.model import BOUND, ESTIMATED, Behaviour, Used, answer, changed_choice, with_usage

BEHAVIOURS = (
    Behaviour("no usage", with_usage(...), charge=ESTIMATED),
    Behaviour("null", with_usage(None), charge=ESTIMATED),
    Behaviour("an empty one", with_usage({}), charge=ESTIMATED),
    Behaviour("a list", with_usage([40, 12]), charge=ESTIMATED),
    Behaviour("words", with_usage({"prompt_tokens": "many", "completion_tokens": "few"}), charge=ESTIMATED),
    Behaviour("zeros", with_usage({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}), charge=ESTIMATED),
    Behaviour("below zero", with_usage({"prompt_tokens": -40, "completion_tokens": -12}), charge=ESTIMATED),
    Behaviour("without end", with_usage({"prompt_tokens": 10**30, "completion_tokens": 1e300}), charge=ESTIMATED),
    Behaviour("truth values", with_usage({"prompt_tokens": True, "completion_tokens": True}), charge=ESTIMATED),
    Behaviour("fractions", with_usage({"prompt_tokens": 132.0, "completion_tokens": 11.5}), charge=Used(132, 12)),
    Behaviour(
        "texts of numbers", with_usage({"prompt_tokens": "132", "completion_tokens": "12.0"}), charge=Used(132, 12)
    ),
    Behaviour("a total and the prompt", with_usage({"prompt_tokens": 132, "total_tokens": 144}), charge=Used(132, 12)),
    Behaviour(
        "a total and the answer", with_usage({"completion_tokens": 12, "total_tokens": 144}), charge=Used(132, 12)
    ),
    Behaviour("a total alone", with_usage({"total_tokens": 50}), charge=Used(50, 0, estimated=True)),
    Behaviour("Anthropic's names", with_usage({"input_tokens": 132, "output_tokens": 12}), charge=Used(132, 12)),
    Behaviour(
        "Gemini's names",
        with_usage(..., usageMetadata={"promptTokenCount": 132, "candidatesTokenCount": 10, "thoughtsTokenCount": 2}),
        charge=Used(132, 12),
    ),
    Behaviour("Ollama's names", with_usage(..., prompt_eval_count=132, eval_count=12), charge=Used(132, 12)),
    Behaviour("Bedrock's names", with_usage({"inputTokens": 132, "outputTokens": 12}), charge=Used(132, 12)),
    Behaviour(
        "Groq's place",
        with_usage(..., x_groq={"usage": {"prompt_tokens": 132, "completion_tokens": 12}}),
        charge=Used(132, 12),
    ),
    Behaviour(
        "Cohere's place",
        with_usage({"billed_units": {"input_tokens": 132.0, "output_tokens": 12.0}}),
        charge=Used(132, 12),
    ),
    Behaviour(
        "llama.cpp's timings", with_usage(..., timings={"prompt_n": 132, "predicted_n": 12}), charge=Used(132, 12)
    ),
    Behaviour(
        "null details",
        with_usage({"prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": None}),
        charge=Used(40, 12),
    ),
    Behaviour(
        "more cached than asked",
        with_usage({"prompt_tokens": 0, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 900}}),
        charge=Used(0, 12),
    ),
    Behaviour("a model that no table knows", answer(lambda body: body.update(model="no-such-model-anywhere"))),
    Behaviour("no model", answer(lambda body: body.pop("model") and None)),
    Behaviour("a number as model", answer(lambda body: body.update(model=7))),
    Behaviour("cut at its length", changed_choice(finish_reason="length")),
    Behaviour("cut at its length, unmeasured", changed_choice(usage=None, finish_reason="length"), charge=BOUND),
    Behaviour(
        "a model that may think unseen, unmeasured",
        answer(lambda body: body.update(usage=None, model="o3-mini-2025-01-31")),
        charge=BOUND,
    ),
    Behaviour(
        "a model that may think unseen, measured",
        answer(lambda body: body.update(model="no-such-reasoner-o3")),
    ),
)
