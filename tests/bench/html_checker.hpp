// A strict reader of the HTML that the report writes: tags must nest, attributes be quoted, special characters escaped.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace braggbench::test {

class HtmlChecker {
public:
    explicit HtmlChecker(std::string_view page) : page_(page) {
        while (problem_.empty() && at_ < page_.size()) page_[at_] == '<' ? tag() : character();
        if (problem_.empty() && !open_.empty()) problem_ = "never closed: " + open_.back();
    }

    // Empty if the page is well formed.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] const std::vector<std::string>& attributes() const { return attributes_; }  // "name=value"
    [[nodiscard]] long count(std::string_view name) const { return std::count(names_.begin(), names_.end(), name); }

private:
    void fail(const std::string& what) {
        problem_ = what + " near: " + std::string(page_.substr(at_ > 60 ? at_ - 60 : 0, 160));
    }

    void character() {
        if (page_[at_] == '&') {
            const auto end = page_.find(';', at_);
            if (end == std::string_view::npos || end - at_ > 8) return fail("bare ampersand");
        }
        if (page_[at_] == '>') return fail("bare >");
        ++at_;
    }

    std::string word() {
        std::string result;
        while (at_ < page_.size() &&
               (std::isalnum(static_cast<unsigned char>(page_[at_])) != 0 || page_[at_] == '-' || page_[at_] == '!')) {
            result += page_[at_++];
        }
        return result;
    }

    void tag() {
        ++at_;
        const bool closing = page_[at_] == '/';
        if (closing) ++at_;
        const std::string name = word();
        if (name.empty()) return fail("bare <");
        if (closing) {
            if (open_.empty() || open_.back() != name) return fail("unexpected </" + name + ">");
            open_.pop_back();
            if (page_[at_] != '>') return fail("text in a closing tag");
            ++at_;
            return;
        }
        names_.push_back(name);
        const bool self_closed = attributes_of_tag();
        if (!problem_.empty()) return;
        static constexpr std::array<std::string_view, 5> empty_elements = {"!DOCTYPE", "meta", "img", "br", "hr"};
        if (self_closed || std::find(empty_elements.begin(), empty_elements.end(), name) != empty_elements.end())
            return;
        open_.push_back(name);
        if (name == "style") at_ = std::min(page_.find("</style>", at_), page_.size());
    }

    // True for a tag that ends in "/>".
    bool attributes_of_tag() {
        while (at_ < page_.size()) {
            if (page_[at_] == '>') return ++at_, false;
            if (page_.substr(at_, 2) == "/>") return at_ += 2, true;
            if (page_[at_] == ' ') {
                ++at_;
                continue;
            }
            const std::string name = word();
            if (name.empty()) return fail("odd character in a tag"), false;
            if (page_[at_] != '=') continue;
            if (page_[at_ + 1] != '"') return fail("unquoted attribute"), false;
            const auto end = page_.find('"', at_ + 2);
            if (end == std::string_view::npos) return fail("unfinished attribute"), false;
            const std::string_view value = page_.substr(at_ + 2, end - at_ - 2);
            if (value.find('<') != std::string_view::npos) return fail("< in an attribute"), false;
            attributes_.push_back(name + "=" + std::string(value));
            at_ = end + 1;
        }
        return false;
    }

    std::string_view page_;
    std::size_t at_ = 0;
    std::vector<std::string> open_;
    std::vector<std::string> names_;
    std::vector<std::string> attributes_;
    std::string problem_;
};

}  // namespace braggbench::test
