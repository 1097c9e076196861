#include "mflux/parity/report/page.h"

#include "mflux/parity/report/page_parts.h"

namespace mflux::parity {

std::string make_page(std::string_view run, std::string_view details) {
  std::string script;
  for (const auto& part : kPageScripts) {
    script += part;
  }
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"{{style}}", kPageStyle},
      {"{{run}}", run},
      {"{{script}}", script},
      {"{{details}}", details}};
  std::string page;
  std::string_view rest = kPageHtml;
  for (const auto& [mark, text] : parts) {
    const size_t at = rest.find(mark);
    page += rest.substr(0, at);
    page += text;
    rest.remove_prefix(at + mark.size());
  }
  return page += rest;
}

} // namespace mflux::parity
