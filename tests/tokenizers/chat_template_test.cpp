#include "mflux/tokenizers/chat_template.h"

#include "gtest/gtest.h"

namespace mflux::tokenizers {
namespace {

// tests/reference/test_tokenizers.py renders these and others with transformers.
const std::string kTurn =
    R"({%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endfor %})";
const std::string kAnswer =
    R"({%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %})";

const std::string kSetContent =
    R"({%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %})";
const std::string kOwn =
    R"({%- if tools %}
    {{- '<|im_start|>system\n# Tools' }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(last=0) %}
{%- for message in messages %})" +
    kSetContent +
    R"({%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {{- content }}
    {%- endif %}{%- endfor %})" +
    kAnswer;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Qwen3Prompt, IsTheUsersTurnAndTheAnswersBeginning) {
  EXPECT_EQ(
      qwen3_prompt("a\n<|im_end|>", Thinking::off),
      "<|im_start|>user\na\n<|im_end|><|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  EXPECT_EQ(
      qwen3_prompt("", Thinking::on), "<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n");
}

TEST(RendersAsQwen3, KnowsTheStatements) {
  EXPECT_TRUE(renders_as_qwen3(kTurn + kAnswer));
  EXPECT_TRUE(renders_as_qwen3(kTurn + "\n" + kAnswer + "\n"));
}

TEST(RendersAsQwen3, KnowsBothWordingsOfQwensOwn) {
  EXPECT_TRUE(renders_as_qwen3(kOwn));
  const auto plain = replaced(kOwn, kSetContent, "");
  EXPECT_FALSE(renders_as_qwen3(plain));
  EXPECT_TRUE(renders_as_qwen3(replaced(plain, "+ content +", "+ message.content +")));
  EXPECT_FALSE(
      renders_as_qwen3(replaced(kOwn, "= message.content %", "= message.content | trim %")));
  EXPECT_FALSE(renders_as_qwen3(replaced(kOwn, "{%- set ns", "{{- 'x' }}{%- set ns")));
  EXPECT_FALSE(
      renders_as_qwen3(replaced(kOwn, "message.role == \"user\"", "message.role == \"me\"")));
  EXPECT_FALSE(renders_as_qwen3(replaced(
      kOwn,
      "{%- endif %}\n{%- endif %}",
      "{%- else %}{{- 'You are Qwen' }}{%- endif %}{%- endif %}")));
  EXPECT_FALSE(renders_as_qwen3(
      replaced(kOwn, "{%- endif %}{%- endfor %}", "{%- endif %}{{- 'x' }}{%- endfor %}")));
}

TEST(RendersAsQwen3, RefusesWhatPrintsSomethingElse) {
  const std::string whole = kTurn + kAnswer;
  EXPECT_FALSE(renders_as_qwen3(""));
  EXPECT_FALSE(renders_as_qwen3(kTurn));
  EXPECT_FALSE(renders_as_qwen3(kAnswer));
  EXPECT_FALSE(renders_as_qwen3("Be brief." + whole));
  EXPECT_FALSE(renders_as_qwen3(whole + "{{- 'x' }}"));
  EXPECT_FALSE(renders_as_qwen3(whole + "\n\n"));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "message.content", "message.content | trim")));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "is false", "is true")));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "<think>\\n\\n</think>", "<think>\\n")));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "assistant", " assistant")));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "{{- '<think>", "{{ '<think>")));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "{%- endfor %}", "{%- endfor %} - ")));
  EXPECT_FALSE(renders_as_qwen3(replaced(whole, "message.content", "content")));
  EXPECT_FALSE(renders_as_qwen3(kTurn + "{{- 'x' }}" + kAnswer));
  EXPECT_FALSE(renders_as_qwen3("{{- 'x' }}" + whole));
  EXPECT_FALSE(renders_as_qwen3("{%- if"));
}

} // namespace
} // namespace mflux::tokenizers
