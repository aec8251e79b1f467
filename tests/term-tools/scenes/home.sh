# The home every scene is recorded in: made anew each time, with nothing of the machine in it.
set -eu
export LC_ALL=C.UTF-8 TZ=UTC GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
python3 - <<'PY'
words = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore".split()
with open("text.txt", "w") as f:
    for i in range(400):
        f.write("%3d %s\n" % (i, " ".join(words[(i * j + j) % len(words)] for j in range(1, 4 + i % 23))))
with open("wide.txt", "w") as f:
    for i in range(120):
        f.write("%d 漢字かなカナ 한국어 ｆｕｌｌ naïve e\u0301te\u0301 🙂 🎉 %s\n" % (i, "終" * (i % 40)))
with open("table.csv", "w") as f:
    f.write("name,size,colour\n" + "".join("item%d,%d,%s\n" % (i, i * 37 % 101, words[i % 15]) for i in range(60)))
with open("page.html", "w") as f:
    f.write("<html><title>A page</title><h1>A page</h1><p>Some <b>bold</b>, <i>italic</i> and <u>underlined</u> text with a "
            "<a href='http://example.org/'>link</a>.<ul>" + "<li>item <a href='#x'>one</a> 漢字" * 20 +
            "</ul><table border=1><tr><td>a<td>b<tr><td>c<td>d</table><form><input name=q value=x><input type=submit></form>")
with open("data.json", "w") as f:
    f.write('{"a":[1,2,{"b":null,"c":"d\\u00e9"}],"e":true,"list":[' + ",".join('{"n":%d,"s":"x%d"}' % (i, i) for i in range(40)) + "]}")
PY
cat >hello.c <<'C'
#include <stdio.h>

/* A comment that is long enough to be wrapped on a narrow screen, so that the line goes on in the next row. */
static int add(int a, int b)
{
	if (a > b)
		return a + b;
	return b + a;
}

int main(int argc, char **argv)
{
	for (int i = 0; i < 10; i++) {
		printf("hello %d %s\n", add(i, argc), argv[0]);
	}
	return 0;
}
C
for i in 1 2 3 4 5; do cat hello.c; done >long.c
cat >README.md <<'M'
# A project
Some *emphasis*, **strong** and `code`.

- a list
- [a link](http://example.org/)

```c
int main(void) { return 0; }
```

| a | b |
|---|---|
| 1 | 漢字 |
M
mkdir -p project/src project/doc
cp hello.c project/src/main.c
cp README.md project
printf 'cmake_minimum_required(VERSION 3.20)\nproject(p C)\nforeach(i RANGE 1 24)\n file(WRITE ${CMAKE_BINARY_DIR}/f${i}.c "int f${i}(void){return ${i};}")\n list(APPEND S ${CMAKE_BINARY_DIR}/f${i}.c)\nendforeach()\nadd_library(l STATIC ${S})\nadd_executable(p src/main.c)\ntarget_link_libraries(p l)\n' >project/CMakeLists.txt
mkdir -p crate/src
printf '[package]\nname = "crate"\nversion = "0.1.0"\nedition = "2021"\n' >crate/Cargo.toml
printf 'fn unused() {}\nfn main() { let x = 1; println!("hi"); }\n' >crate/src/main.rs
cd project
git init -q -b main .
for i in 1 2 3 4 5 6 7 8; do
	export GIT_AUTHOR_DATE="2020-01-0$i 12:00" GIT_COMMITTER_DATE="2020-01-0$i 12:00"
	echo "int f$i;" >>src/main.c
	git add -A
	git commit -q -m "Change number $i"
	[ $i != 3 ] || git checkout -q -b topic
	[ $i != 5 ] || { git checkout -q main; git merge -q --no-edit topic; git tag v1; }
done
sed -i 's/hello/goodbye/; 5a\	/* a new line */' src/main.c
cd ..
printf 'PS1="\\[\\e[32m\\]\\u@\\h\\[\\e[m\\]:\\w\\$ "\nHISTFILE=\n' >.bashrc
printf 'set -g status on\nset -g default-terminal tmux-256color\n' >.tmux.conf
printf 'PROMPT="%%F{cyan}%%n%%f %%~ %%# "\nautoload -U compinit; compinit -D\n' >.zshrc
