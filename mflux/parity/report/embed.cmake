# Writes OUTPUT, a C++ file that holds the report's page: page.html, page.css and the SCRIPTS, with the hashes by which
# the page's Content-Security-Policy knows its own style and script.
set(base64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

# csp_hash TEXT OUT: 'sha256-…' in base64, of 64 hexadecimal digits.
function(csp_hash text out)
  string(SHA256 hex "${text}")
  string(APPEND hex "00") # 33 bytes: eleven whole groups of three
  set(result "")
  foreach(group RANGE 0 10)
    math(EXPR begin "${group} * 6")
    string(SUBSTRING "${hex}" ${begin} 6 bytes)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${bytes} >> ${shift}) & 63")
      string(SUBSTRING "${base64}" ${digit} 1 character)
      string(APPEND result "${character}")
    endforeach()
  endforeach()
  string(SUBSTRING "${result}" 0 43 result)
  set(${out} "'sha256-${result}='" PARENT_SCOPE)
endfunction()

file(READ "${FOLDER}/page.html" html)
file(READ "${FOLDER}/page.css" style)
set(script "")
set(literals "")
string(REPLACE "," ";" SCRIPTS "${SCRIPTS}")
foreach(name IN LISTS SCRIPTS)
  file(READ "${FOLDER}/${name}" text)
  string(APPEND script "${text}")
  string(APPEND literals "R\"page(${text})page\",\n")
endforeach()
csp_hash("${style}" style_hash)
csp_hash("${script}" script_hash)
string(REPLACE "STYLE_HASH" "${style_hash}" html "${html}")
string(REPLACE "SCRIPT_HASH" "${script_hash}" html "${html}")
file(
  WRITE "${OUTPUT}"
  "#include \"mflux/parity/report/page_parts.h\"

namespace mflux::parity {

const std::string_view kPageHtml = R\"page(${html})page\";
const std::string_view kPageStyle = R\"page(${style})page\";
const std::vector<std::string_view> kPageScripts = {
${literals}};

} // namespace mflux::parity
")
