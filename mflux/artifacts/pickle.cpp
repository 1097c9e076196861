#include "mflux/artifacts/pickle.h"

#include <fmt/format.h>

#include <array>
#include <unordered_map>

#include "mflux/artifacts/pickle_input.h"
#include "mflux/artifacts/pickle_opcodes.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

using Kind = PickleValue::Kind;

} // namespace

/// Carries out the opcodes that only build data.
class PickleMachine {
 public:
  PickleMachine(Bytes bytes, const std::function<void(const std::string&)>& check_global)
      : in_(bytes), check_global_(check_global) {}

  Pickle run() && {
    if (in_.left() > kMaxPickleBytes) {
      throw Error(fmt::format(
          "the pickle has {} bytes, at most {} are read: save tensors, not Python lists",
          in_.left(),
          kMaxPickleBytes));
    }
    size_t start = 0;
    try {
      for (;;) {
        start = in_.at();
        const auto op = in_.take<uint8_t>();
        if (op == kStop) {
          out_.root_ = pop();
          return std::move(out_);
        }
        if (!read_scalar(op) && !build(op) && !keep(op) && !name(op)) {
          throw Error(fmt::format(
              "{} is not read: save a dict of tensors, torch.save({{\"name\": tensor}})",
              refused_name(op)));
        }
      }
    } catch (const Error&) {
      std::throw_with_nested(Error(fmt::format("byte {}", start)));
    }
  }

 private:
  /// Everything that takes memory is counted, so that a small file cannot ask for much.
  void count(size_t more) {
    counted_ += more;
    if (counted_ > kMaxPickleValues) {
      throw Error(fmt::format(
          "the pickle holds over {} values: save tensors, not Python lists", kMaxPickleValues));
    }
  }

  void push(PickleValue value) {
    count(1);
    stack_.push_back(value);
  }

  void push(Kind kind, uint64_t bits) {
    push(PickleValue{kind, bits});
  }

  void push_items(Kind kind, std::vector<PickleValue> items) {
    push(kind, out_.items_.size());
    out_.items_.push_back(std::move(items));
  }

  PickleValue& top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
      throw Error("the pickle takes a value where there is none");
    }
    return stack_.back();
  }

  PickleValue pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) {
      throw Error("the pickle ends a list that it did not begin");
    }
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> out(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return out;
  }

  bool read_scalar(uint8_t op) {
    if (const auto value = take_number(op, in_)) {
      push(*value);
      return true;
    }
    if (const auto text = take_text(op, in_)) {
      push(text->kind, out_.texts_.size());
      out_.texts_.push_back(text->text);
      return true;
    }
    return false;
  }

  std::vector<PickleValue>& items_of_top(Kind kind) {
    if (!top().is(kind)) {
      throw Error(
          fmt::format("the pickle fills {} as if it were {}", name_of(top().kind), name_of(kind)));
    }
    return out_.items_[top().bits];
  }

  void extend(Kind kind, const std::vector<PickleValue>& more) {
    if (kind == Kind::dict && more.size() % 2 != 0) {
      throw Error("the pickle gives a dict a key without a value");
    }
    auto& items = items_of_top(kind);
    items.insert(items.end(), more.begin(), more.end());
  }

  void push_tuple(size_t size) {
    const size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() - floor < size) {
      throw Error("the pickle takes values where there are none");
    }
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(size);
    std::vector<PickleValue> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    push_items(Kind::tuple, std::move(items));
  }

  bool build(uint8_t op) {
    switch (op) {
      case kMark:
        count(1);
        marks_.push_back(stack_.size());
        return true;
      case kEmptyTuple:
      case kTuple1:
      case kTuple2:
      case kTuple3:
        push_tuple(op == kEmptyTuple ? 0 : op - kTuple1 + 1);
        return true;
      case kTuple:
        push_items(Kind::tuple, pop_to_mark());
        return true;
      case kEmptyList:
        push_items(Kind::list, {});
        return true;
      case kList:
        push_items(Kind::list, pop_to_mark());
        return true;
      case kEmptyDict:
        push_items(Kind::dict, {});
        return true;
      case kDict: {
        const auto items = pop_to_mark();
        push_items(Kind::dict, {});
        extend(Kind::dict, items);
        return true;
      }
      case kAppend: {
        const auto item = pop();
        extend(Kind::list, {item});
        return true;
      }
      case kAppends:
        extend(Kind::list, pop_to_mark());
        return true;
      case kSetItem: {
        const auto value = pop(), key = pop();
        extend(Kind::dict, {key, value});
        return true;
      }
      case kSetItems:
        extend(Kind::dict, pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  void put(uint64_t index) {
    count(1);
    memo_[index] = top();
  }

  void get(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) {
      throw Error(fmt::format("the pickle recalls value {}, which it did not keep", index));
    }
    push(found->second);
  }

  bool keep(uint8_t op) {
    switch (op) {
      case kProto:
        if (const auto protocol = in_.take<uint8_t>(); protocol > 5) {
          throw Error(fmt::format("pickle protocol {}, at most 5 is read", protocol));
        }
        return true;
      case kFrame:
        if (in_.take<uint64_t>() > in_.left()) {
          throw Error("a frame reaches beyond the pickle: it was cut off or altered");
        }
        return true;
      case kPop:
        if (!marks_.empty() && marks_.back() == stack_.size()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return true;
      case kPopMark:
        pop_to_mark();
        return true;
      case kDup:
        push(top());
        return true;
      case kMemoize:
        put(memo_.size());
        return true;
      case kBinPut:
        put(in_.take<uint8_t>());
        return true;
      case kLongBinPut:
        put(in_.take<uint32_t>());
        return true;
      case kPut:
        put(index_value(in_.take_line()));
        return true;
      case kBinGet:
        get(in_.take<uint8_t>());
        return true;
      case kLongBinGet:
        get(in_.take<uint32_t>());
        return true;
      case kGet:
        get(index_value(in_.take_line()));
        return true;
      default:
        return false;
    }
  }

  void push_global(std::string_view module, std::string_view name) {
    std::string whole = fmt::format("{}.{}", module, name);
    check_global_(whole);
    push(Kind::global, out_.globals_.size());
    out_.globals_.push_back(std::move(whole));
  }

  std::string_view pop_text() {
    const auto value = pop();
    if (!value.is(Kind::text)) {
      throw Error(fmt::format("the pickle imports {}, expected text", name_of(value.kind)));
    }
    return out_.text(value);
  }

  void reduce() {
    const auto arguments = pop(), function = pop();
    if (!function.is(Kind::global) || !arguments.is(Kind::tuple)) {
      throw Error(fmt::format(
          "the pickle calls {} with {}", name_of(function.kind), name_of(arguments.kind)));
    }
    std::vector<PickleValue> items;
    if (out_.global(function) != "collections.OrderedDict") {
      items.push_back(function);
      const auto& given = out_.items_[arguments.bits];
      count(given.size());
      items.insert(items.end(), given.begin(), given.end());
      push_items(Kind::call, std::move(items));
      return;
    }
    for (const auto& list : out_.items_[arguments.bits]) {
      append_pairs(list, items);
    }
    push_items(Kind::dict, std::move(items));
  }

  /// Of OrderedDict([(key, value), …]).
  void append_pairs(PickleValue list, std::vector<PickleValue>& items) {
    const auto is_sequence = [](PickleValue value) {
      return value.is(Kind::list) || value.is(Kind::tuple);
    };
    if (!is_sequence(list)) {
      throw Error(fmt::format("an OrderedDict is made from {}", name_of(list.kind)));
    }
    count(out_.items_[list.bits].size());
    for (const auto& pair : out_.items_[list.bits]) {
      if (!is_sequence(pair) || out_.items_[pair.bits].size() != 2) {
        throw Error("an OrderedDict is made from what are no pairs");
      }
      items.insert(items.end(), out_.items_[pair.bits].begin(), out_.items_[pair.bits].end());
    }
  }

  bool name(uint8_t op) {
    switch (op) {
      case kGlobal:
      case kInst: {
        const auto module = in_.take_line();
        push_global(module, in_.take_line());
        if (op == kInst) {
          throw Error("the pickle opcode INST is not read");
        }
        return true;
      }
      case kStackGlobal: {
        const auto name = pop_text();
        push_global(pop_text(), name);
        return true;
      }
      case kReduce:
        reduce();
        return true;
      case kBuild: // of an OrderedDict: attributes, such as a state_dict's _metadata
        pop();
        items_of_top(Kind::dict);
        return true;
      case kBinPersid: {
        const auto id = pop();
        push_items(Kind::persistent, {id});
        return true;
      }
      case kPersid:
        throw Error("storages of pickle protocol 0 are not read: use torch.save's own protocol");
      default:
        return false;
    }
  }

  PickleInput in_;
  const std::function<void(const std::string&)>& check_global_;
  size_t counted_ = 0;
  Pickle out_;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue> memo_;
};

std::string_view name_of(PickleValue::Kind kind) {
  constexpr std::array<std::string_view, 13> kNames = {
      "None",
      "a bool",
      "a whole number",
      "a whole number",
      "a number",
      "text",
      "bytes",
      "a tuple",
      "a list",
      "a dict",
      "a global",
      "a call",
      "a storage"};
  return kNames[static_cast<size_t>(kind)];
}

Pickle read_pickle(Bytes bytes, const std::function<void(const std::string&)>& check_global) {
  return PickleMachine(bytes, check_global).run();
}

} // namespace mflux::artifacts
