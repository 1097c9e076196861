#include "mflux/parity/inspect.h"

#include <fmt/format.h>

#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/output/values.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFirst = 5;

InspectedTensor look_at(std::string name, const artifacts::Tensor& tensor, int threads) {
  InspectedTensor out;
  out.dtype = tensor.dtype;
  out.shape = tensor.shape;
  out.summary = with_context(name, [&] { return summarize(tensor, threads); });
  out.first = values_of(tensor, 0, kFirst);
  out.name = std::move(name);
  return out;
}

int64_t total(const NonFinite& counts) {
  return counts.nan + counts.positive_inf + counts.negative_inf;
}

} // namespace

InspectedFile inspect(const fs::path& path, int threads) {
  InspectedFile file{path, {}, {}};
  if (std::error_code ignored; fs::is_directory(path, ignored)) {
    const Dump dump = Dump::open(path);
    file.remarks = dump.remarks();
    for (const auto& checkpoint : dump.checkpoints()) {
      file.tensors.push_back(look_at(checkpoint.text, dump.load(checkpoint), threads));
    }
    return file;
  }
  const auto artifact = artifacts::open_artifact(path);
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    file.tensors.push_back(look_at(artifact->tensors()[i].name, artifact->load(i), threads));
  }
  return file;
}

std::string format_inspection(const InspectedFile& file, bool coloured) {
  TextTable table;
  std::vector<TextTable::Cell> head;
  for (const char* name :
       {"tensor", "shape", "dtype", "effective", "min", "max", "mean", "NaN/Inf", "first values"}) {
    head.push_back({name, Colour::dim});
  }
  table.add(std::move(head));
  for (const auto& tensor : file.tensors) {
    const Summary& s = tensor.summary;
    const int64_t wrong = total(s.nonfinite);
    std::string values;
    for (const double value : tensor.first) {
      values += fmt::format("{}{:.5g}", values.empty() ? "" : ", ", value);
    }
    const auto number = [&](double value) {
      return TextTable::Cell{s.count > wrong ? fmt::format("{:.5g}", value) : "-"};
    };
    table.add(
        {{printable(tensor.name)},
         {artifacts::to_string(tensor.shape)},
         {std::string(name_of(tensor.dtype))},
         {std::string(name_of(s.effective))},
         number(s.min),
         number(s.max),
         number(s.mean),
         {fmt::format("{}", wrong), wrong > 0 ? Colour::red : Colour::none},
         {tensor.first.empty() ? "" : fmt::format("[{}]", values)}});
  }
  std::string out = fmt::format(
      "{} ({} tensors)\n{}",
      printable(file.path.string()),
      file.tensors.size(),
      file.tensors.empty() ? "" : table.format(coloured));
  for (const auto& remark : file.remarks) {
    out += fmt::format("{}\n", printable(remark));
  }
  return out;
}

std::string to_json(const std::vector<InspectedFile>& files) {
  Json out;
  out["schema"] = 1;
  out["files"] = Json::array();
  for (const auto& file : files) {
    Json tensors = Json::array();
    for (const auto& tensor : file.tensors) {
      const Summary& s = tensor.summary;
      tensors.push_back(
          {{"name", tensor.name},
           {"shape", tensor.shape},
           {"dtype", name_of(tensor.dtype)},
           {"effective_dtype", name_of(s.effective)},
           {"count", s.count},
           {"min", s.min},
           {"max", s.max},
           {"mean", s.mean},
           {"rms", s.rms},
           {"nan", s.nonfinite.nan},
           {"positive_inf", s.nonfinite.positive_inf},
           {"negative_inf", s.nonfinite.negative_inf},
           {"first", tensor.first}});
    }
    out["files"].push_back(
        {{"path", file.path.string()}, {"tensors", tensors}, {"remarks", file.remarks}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace mflux::parity
