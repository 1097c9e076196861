#include <fmt/format.h>

#include "mflux/base/json.h"

int main() {
  const auto config = mflux::parse_json(R"({"name": "consumer"})");
  fmt::print("{} ok\n", config["name"].get<std::string>());
}
