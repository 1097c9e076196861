#include "mflux/parity/dumps/order.h"

#include <algorithm>
#include <array>
#include <map>
#include <queue>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "mflux/parity/dumps/habits.h"
#include "mflux/parity/dumps/module_tree.h"
#include "mflux/parity/dumps/pipeline.h"

namespace mflux::parity {
namespace {

bool is_index(std::string_view segment) {
  return !segment.empty() &&
         std::all_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; });
}

class Inference {
 public:
  explicit Inference(const std::vector<OrderItem>& items)
      : items_(items), tree_(names(items)), before_(tree_.nodes().size()) {
    link_equal_tensors();
    emit(0);
  }

  InferredOrder take() && {
    return std::move(result_);
  }

 private:
  static std::vector<const Name*> names(const std::vector<OrderItem>& items) {
    std::vector<const Name*> out;
    for (const auto& item : items) {
      out.push_back(item.name);
    }
    return out;
  }

  /// X's output = Y's input puts the sibling that holds X before the one that holds Y.
  void link_equal_tensors() {
    std::unordered_map<uint64_t, std::vector<size_t>> producers;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].distinctive && items_[i].name->role == Role::out) {
        producers[items_[i].hash].push_back(tree_.node_of(i));
      }
    }
    for (size_t i = 0; i < items_.size(); ++i) {
      if (!items_[i].distinctive || items_[i].name->role != Role::in) {
        continue;
      }
      const auto found = producers.find(items_[i].hash);
      if (found != producers.end() && found->second.size() <= kMostProducers) {
        for (const size_t producer : found->second) {
          link(producer, tree_.node_of(i));
        }
      }
    }
  }

  void link(size_t producer, size_t consumer) {
    const auto a = tree_.path_to(producer), b = tree_.path_to(consumer);
    const size_t depth = std::min(a.size(), b.size());
    for (size_t i = 0; i < depth; ++i) {
      if (a[i] == b[i]) {
        continue;
      }
      // At the top the steps decide.
      if (tree_.nodes()[a[i]].step == tree_.nodes()[b[i]].step) {
        result_.links += before_[a[i]].insert(b[i]).second;
      }
      return;
    }
  }

  using Places = std::unordered_map<size_t, UsualPlace>; ///< by node

  bool stands_before(size_t a, size_t b, const Places& places) const {
    const auto& x = tree_.nodes()[a];
    const auto& y = tree_.nodes()[b];
    if (x.parent == 0) {
      const auto p = place_of(x.segment), q = place_of(y.segment);
      const auto key = [](const ModuleNode& node, PipelinePlace place) {
        // A step puts any checkpoint into the loop.
        const int phase = node.step > 0 ? kLoopPhase : place.phase;
        return std::tuple(phase, node.step, place.rank);
      };
      if (key(x, p) != key(y, q)) {
        return key(x, p) < key(y, q);
      }
    }
    if (x.call != y.call && x.segment == y.segment) {
      return x.call < y.call;
    }
    if (const auto m = places.at(a), n = places.at(b); m != n) {
      return m < n;
    }
    return natural_less(x.segment, y.segment);
  }

  /// Only their names put a before b.
  bool is_open(size_t a, size_t b) const {
    const auto& x = tree_.nodes()[a];
    const auto& y = tree_.nodes()[b];
    const bool by_place =
        x.parent == 0 &&
        (x.step != y.step || place_of(x.segment).phase != place_of(y.segment).phase ||
         place_of(x.segment).rank != place_of(y.segment).rank);
    const bool by_index = is_index(x.segment) && is_index(y.segment);
    return !by_place && !by_index && x.segment != y.segment && before_[a].count(b) == 0;
  }

  std::set<std::string_view> segments_of(const std::vector<size_t>& nodes) const {
    std::set<std::string_view> segments;
    for (const size_t node : nodes) {
      segments.insert(tree_.nodes()[node].segment);
    }
    return segments;
  }

  /// The children in the best order that the links allow; a cycle is broken at its first by name.
  std::vector<size_t> sorted_children(size_t parent) {
    auto rest = tree_.nodes()[parent].children;
    Places places;
    for (const auto siblings = segments_of(rest); const size_t node : rest) {
      places[node] = usual_place(tree_.nodes()[node].segment, tree_.nodes()[node].call, siblings);
    }
    std::sort(
        rest.begin(), rest.end(), [&](size_t a, size_t b) { return stands_before(a, b, places); });
    std::unordered_map<size_t, size_t> rank, waiting;
    for (size_t i = 0; i < rest.size(); ++i) {
      rank[rest[i]] = i;
    }
    for (const size_t node : rest) {
      for (const size_t later : before_[node]) {
        ++waiting[later];
      }
    }
    std::set<size_t> ready, blocked; // by rank
    for (size_t i = 0; i < rest.size(); ++i) {
      (waiting[rest[i]] == 0 ? ready : blocked).insert(i);
    }
    std::vector<size_t> sorted;
    while (!ready.empty() || !blocked.empty()) {
      auto& from = ready.empty() ? blocked : ready;
      const size_t at = *from.begin();
      from.erase(from.begin());
      sorted.push_back(rest[at]);
      for (const size_t later : before_[rest[at]]) {
        if (--waiting[later] == 0 && blocked.erase(rank[later]) > 0) {
          ready.insert(rank[later]);
        }
      }
    }
    return sorted;
  }

  void emit(size_t node) {
    emit_items(tree_.nodes()[node].inputs);
    const auto children = sorted_children(node);
    const auto turns = taking_turns(children);
    bool open = false, turned = false;
    for (size_t i = 0; i < children.size(); ++i) {
      open |= i > 0 && is_open(children[i - 1], children[i]);
      if (turns.count(children[i]) == 0) {
        emit(children[i]);
      } else if (!std::exchange(turned, true)) {
        emit_turns(turns);
      }
    }
    result_.open += open;
    emit_items(tree_.nodes()[node].outputs);
  }

  /// Those of the children that are lists which take turns.
  std::set<size_t> taking_turns(const std::vector<size_t>& children) const {
    const auto siblings = segments_of(children);
    std::set<size_t> lists;
    for (const size_t child : children) {
      const auto& node = tree_.nodes()[child];
      if (takes_turns(node.segment, siblings) && node.inputs.empty() && node.outputs.empty()) {
        lists.insert(child);
      }
    }
    return lists;
  }

  /// resnets.0, attentions.0, resnets.1, …
  void emit_turns(const std::set<size_t>& lists) {
    const auto& nodes = tree_.nodes();
    std::vector<size_t> all;
    for (const size_t list : lists) {
      const auto sorted = sorted_children(list);
      all.insert(all.end(), sorted.begin(), sorted.end());
    }
    std::stable_sort(all.begin(), all.end(), [&](size_t a, size_t b) {
      const auto &x = nodes[a].segment, &y = nodes[b].segment;
      const auto is_attention = [&](size_t node) {
        return nodes[nodes[node].parent].segment == "attentions";
      };
      return x != y ? natural_less(x, y) : is_attention(a) < is_attention(b);
    });
    for (const size_t node : all) {
      emit(node);
    }
  }

  void emit_items(std::vector<size_t> items) {
    std::sort(items.begin(), items.end(), [&](size_t a, size_t b) {
      return natural_less(without_step(*items_[a].name), without_step(*items_[b].name));
    });
    result_.order.insert(result_.order.end(), items.begin(), items.end());
  }

  static constexpr size_t kMostProducers = 16;

  const std::vector<OrderItem>& items_;
  ModuleTree tree_;
  std::vector<std::set<size_t>> before_; ///< per node: siblings that it stands before
  InferredOrder result_;
};

} // namespace

InferredOrder infer_order(const std::vector<OrderItem>& items) {
  return Inference(items).take();
}

} // namespace mflux::parity
