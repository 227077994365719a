# Embeds bench/report/report.css as a string constant, so that the program carries the page's style with it.
set(REPORT_CSS_SOURCE ${PROJECT_BINARY_DIR}/report_css.cpp)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/report.css)
file(READ ${CMAKE_CURRENT_SOURCE_DIR}/report.css css)
file(
  CONFIGURE
  OUTPUT ${REPORT_CSS_SOURCE}
  CONTENT
    "#include \"bench/report/sections.hpp\"

namespace braggbench::report {
std::string_view style_sheet() { return R\"css(@css@)css\"; }
}  // namespace braggbench::report
"
  @ONLY)
